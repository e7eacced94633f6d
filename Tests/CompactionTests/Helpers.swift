import Containers
import Foundation
import Networks
import Testing
import Torch

@testable import Compaction

/// What PyTorch answered, made by Tests/Fixtures/make_fixtures.py: a JSON file and the tensors of the same name.
struct Fixture<Description: Decodable> {
  let description: Description
  private let file: Safetensors

  init(_ name: String, as type: Description.Type = Description.self) throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let base = folder.appending(path: "Fixtures/\(name)")
    description = try JSONDecoder().decode(type, from: Data(contentsOf: base.appendingPathExtension("json")))
    file = try Safetensors(contentsOf: base.appendingPathExtension("safetensors"))
  }

  /// A tensor in float64.
  func tensor(_ name: String) throws -> Tensor {
    let entry = try #require(file[name], "the fixture has no tensor \(name)")
    try #require(entry.type == .float64)
    return file.withUnsafeBytes(of: entry) { Tensor(copying: $0, dtype: .float64, shape: entry.shape) }
  }
}

func random(_ shape: [Int], _ seed: UInt64) -> Tensor {
  Tensor.normal(shape, dtype: .float64, using: Generator(seed: seed))
}

/// ‖a − b‖ / ‖b‖ (or ‖a‖ where b is zero).
func relativeError(_ a: Tensor, _ b: Tensor) -> Double {
  let norm = b.to(.float64).norm
  return (a.to(.float64) - b.to(.float64)).norm / (norm > 0 ? norm : 1)
}

extension Network {
  /// The network with batch norms that matter, as after a training: fresh ones are all zeros and ones.
  func withRandomBatchNorm(seed: UInt64 = 5) -> Network {
    var result = self
    let generator = Generator(seed: seed)
    for node in nodes where node.operation is BatchNorm {
      for (role, name) in node.parameters.sorted(by: { $0.key < $1.key }) {
        let shape = parameters[name]?.shape ?? []
        let isPositive = role == .weight || role == .runningVariance
        result.parameters[name] =
          isPositive
          ? .uniform(shape, in: 0.5...1.5, using: generator) : .normal(shape, using: generator) * 0.2
      }
    }
    return result
  }

  /// The parameter called `name` with its slices `indices` along axis 0 set to `value`.
  mutating func set(_ name: String, _ indices: [Int], to value: Double) {
    guard let tensor = parameters[name] else { preconditionFailure("no parameter \(name)") }
    var values = tensor.doubles
    let width = values.count / tensor.shape[0]
    for index in indices { for k in 0..<width { values[index * width + k] = value } }
    parameters[name] = Tensor(values, shape: tensor.shape).to(tensor.dtype)
  }

  /// Makes channels of a layer and of the batch norm behind it zero.
  mutating func zero(_ layer: String, _ norm: String, _ indices: [Int]) {
    for name in ["\(layer).weight", "\(norm).weight", "\(norm).bias"] { set(name, indices, to: 0) }
  }

  /// The layer's rank cut to `rank` with a gap behind it, the rest of the energy gone.
  mutating func cutRank(of layer: String, to rank: Int) throws {
    let name = "\(layer).weight"
    guard let weight = parameters[name] else { preconditionFailure("no parameter \(name)") }
    let cut = try Factorization(weight.to(.float64).unfolded, rank: rank).truncated
    parameters[name] = cut.reshaped(weight.shape).to(weight.dtype)
  }
}

/// max|a(x) − b(x)| / max|a(x)| on random images, in float64.
func largestDifference(_ a: Network, _ b: Network, seed: UInt64 = 3) throws -> Double {
  let batch = random([3] + a.inputShape, seed)
  let (x, y) = (try a.to(.float64)(batch), try b.to(.float64)(batch))
  try #require(x.shape == y.shape)
  return (x - y).maximumMagnitude / x.maximumMagnitude
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

/// The network without all channels that are removable.
func narrowed(_ network: Network, minimumUnits: Int = 1) throws -> Network {
  let removable = try RemovableChannels(in: network, minimumUnits: minimumUnits)
  return try network.narrowed(removing: removable.channels, removable.coupling)
}

/// What changes when removable units go from the network in float64, where nothing is rounded away.
func difference(_ network: Network, _ narrow: (Network) throws -> Network) throws -> Double {
  try largestDifference(network.to(.float64), narrow(network.to(.float64)))
}
