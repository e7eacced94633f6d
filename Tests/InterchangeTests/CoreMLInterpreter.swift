import CoreMLSchema
import Foundation
import Testing
import Torch

@testable import Interchange

/// Runs an ML program from the bytes of a package, as coremltools describes its operations.
///
/// It computes in float32 and rounds what the program declares as float16. What the program declares of every value is
/// checked on the way.
struct CoreMLInterpreter {
  let model: CoreMLModel
  let weights: CoreMLWeightReader

  struct Outputs {
    /// What the probabilities are made of.
    let logits: Tensor
    let probabilities: [String: Double]
    let label: String
  }

  enum Value {
    case tensor(Tensor)
    case ints([Int])
    case flag(Bool)
    case text(String)
  }

  init(_ files: [String: Data]) throws {
    model = try CoreMLModel(serializedBytes: try #require(files["Data/com.apple.CoreML/model.mlmodel"]))
    weights = try CoreMLWeightReader(try #require(files["Data/com.apple.CoreML/weights/weight.bin"]))
  }

  init(_ package: CoreMLPackage) throws { try self.init(package.files) }

  var block: CoreMLBlock {
    get throws {
      let main = try #require(model.mlProgram.functions["main"])
      return try #require(main.blockSpecializations[main.opset])
    }
  }

  /// - Parameter image: 1×C×H×W of 0…255.
  func callAsFunction(_ image: Tensor) throws -> Outputs {
    let input = try #require(model.mlProgram.functions["main"]?.inputs.first)
    try #require(input.name == model.description_p.input.first?.name && input.type.shape == image.shape)
    var values = [input.name: Value.tensor(image)]
    var readBy: [String: String] = [:]
    for operation in try block.operations {
      if operation.type == "classify" { return try outputs(operation, values, readBy) }
      let output = try #require(operation.outputs.first)
      try #require(output.name.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_]*/) != nil, "\(output.name) is no name")
      try #require(values[output.name] == nil, "\(output.name) is made twice")
      values[output.name] = try declared(try CoreMLCall(operation, values, weights).result(), output, operation.type)
      readBy[output.name] = operation.inputs["x"]?.arguments.first?.name
    }
    throw CoreMLCall.Problem("there is no classify")
  }

  /// The sum of all tensors of real numbers that are stored.
  func sumOfConstants() throws -> Double {
    try block.operations.filter { $0.type == "const" }.reduce(0) { sum, operation in
      guard case .tensor(let tensor) = try CoreMLCall(operation, [:], weights).result() else { return sum }
      return sum + tensor.doubles.reduce(0, +)
    }
  }

  /// The value as the program declares it, rounded if that is float16.
  private func declared(_ value: Value, _ output: CoreMLNamedValueType, _ type: String) throws -> Value {
    guard case .tensor(let tensor) = value else { return value }
    try #require(tensor.shape == output.type.shape, "\(output.name), a \(type), is declared otherwise")
    return .tensor(output.type.tensorType.dataType == .float16 ? tensor.to(.float16).to(.float32) : tensor)
  }

  private func outputs(
    _ operation: CoreMLOperation, _ values: [String: Value], _ readBy: [String: String]
  ) throws -> Outputs {
    let classes = try #require(operation.inputs["classes"]?.arguments.first).value.immediateValue.list.values
      .flatMap(\.immediateValue.tensor.strings.values)
    let name = try #require(operation.inputs["probabilities"]?.arguments.first).name
    guard case .tensor(let shares) = try #require(values[name]),
      case .tensor(let logits) = try #require(values[readBy[name] ?? ""])
    else { throw CoreMLCall.Problem("classify reads no tensor") }
    let pairs = Array(zip(classes, shares.doubles))
    try #require(shares.count == classes.count && Set(classes).count == classes.count)
    try #require(try operation.outputs.map(\.name) == block.outputs)
    return Outputs(
      logits: logits, probabilities: Dictionary(uniqueKeysWithValues: pairs),
      label: try #require(pairs.max { $0.1 < $1.1 }).0)
  }
}

extension CoreMLValueType {
  var shape: [Int] { tensorType.dimensions.map { Int($0.constant.size) } }
}

/// The file weights/weight.bin.
struct CoreMLWeightReader {
  private let data: Data

  init(_ data: Data) throws {
    self.data = data
    try #require(number(at: 4, as: UInt32.self) == 2)
    try #require(data[8..<64] == Data(count: 56))
  }

  var count: UInt32 { number(at: 0, as: UInt32.self) }

  /// The bytes behind the record at `offset`.
  func bytes(at offset: UInt64, kind: UInt32, size: Int) throws -> Data {
    let (record, start) = (Int(offset), number(at: Int(offset) + 16, as: UInt64.self))
    try #require(offset % 64 == 0 && start % 64 == 0 && start == offset + 64)
    try #require(number(at: record, as: UInt32.self) == 0xDEAD_BEEF && number(at: record + 4, as: UInt32.self) == kind)
    try #require(number(at: record + 8, as: UInt64.self) == UInt64(size))
    return data[Int(start)..<Int(start) + size]
  }

  private func number<Number: FixedWidthInteger>(at place: Int, as type: Number.Type) -> Number {
    data.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: type)) }
  }
}
