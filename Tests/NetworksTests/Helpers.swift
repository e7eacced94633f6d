import Containers
import Foundation
import Networks
import Testing
import Torch

/// What PyTorch answered, made by Tests/Fixtures/make_fixtures.py: a JSON file and the tensors of the same name.
struct Fixture<Description: Decodable> {
  let description: Description
  private let file: Safetensors?

  init(_ name: String, as type: Description.Type = Description.self) throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let base = folder.appending(path: "Fixtures/\(name)")
    description = try JSONDecoder().decode(type, from: Data(contentsOf: base.appendingPathExtension("json")))
    let tensors = base.appendingPathExtension("safetensors")
    file = FileManager.default.fileExists(atPath: tensors.path) ? try Safetensors(contentsOf: tensors) : nil
  }

  /// A tensor in its stored type.
  func tensor(_ name: String) throws -> Tensor {
    let file = try #require(file)
    let entry = try #require(file[name], "the fixture has no tensor \(name)")
    let types: [Safetensors.ElementType: Tensor.DType] = [
      .float32: .float32, .float64: .float64, .float16: .float16, .int64: .int64,
    ]
    let dtype = try #require(types[entry.type])
    return file.withUnsafeBytes(of: entry) { Tensor(copying: $0, dtype: dtype, shape: entry.shape) }
  }

  /// The tensors whose names begin with `prefix`, without it, in float32.
  func tensors(prefix: String) throws -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for entry in try #require(file).entries where entry.name.hasPrefix(prefix) {
      result[String(entry.name.dropFirst(prefix.count))] = try tensor(entry.name).to(.float32)
    }
    return result
  }
}

/// The row-major numbers 0, 1, 2, … in `shape`.
func counting(_ shape: [Int], dtype: Tensor.DType = .float32) -> Tensor {
  Tensor((0..<shape.reduce(1, *)).map(Double.init), shape: shape).to(dtype)
}

/// Checks that both have the same shape and elements within `tolerance` times the largest expected.
func expectClose(
  _ found: Tensor, _ expected: Tensor, within tolerance: Double = 1e-5,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(found.shape == expected.shape, sourceLocation: sourceLocation)
  guard found.shape == expected.shape else { return }
  let difference = (found.to(.float64) - expected.to(.float64)).maximumMagnitude
  #expect(difference <= tolerance * max(1, expected.to(.float64).maximumMagnitude), sourceLocation: sourceLocation)
}

/// A network of one node called "node" that reads the image.
func single(_ operation: any Networks.Operation, input: [Int], _ tensors: [Role: Tensor] = [:]) -> Network {
  let names = Dictionary(uniqueKeysWithValues: tensors.keys.map { ($0, "node.\($0.rawValue)") })
  return Network(
    inputShape: input,
    nodes: [Node(name: "node", operation: operation, inputs: [Network.inputName], parameters: names)],
    output: "node",
    parameters: Dictionary(uniqueKeysWithValues: tensors.map { ("node.\($0.key.rawValue)", $0.value) }))
}

/// The sentence of the error that `body` throws.
func message(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "nothing was thrown"
  } catch {
    return "\(error)"
  }
}
