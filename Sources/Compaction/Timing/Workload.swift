import class Foundation.JSONEncoder
import Networks

/// What a node gives the machine to do: an operation on values and parameters of certain shapes.
///
/// Two nodes of equal workload take equally long, whatever network they are in; so each is measured once.
public struct Workload: Sendable, Hashable {
  public let operation: any Operation
  /// Shapes of what it reads, of one image.
  public let inputs: [[Int]]
  public let parameters: [Role: [Int]]
  /// The same as text, under which times are kept: `convolution {…} of 16×32×32 weight 16×16×3×3`.
  public let key: String

  public init(_ operation: any Operation, inputs: [[Int]], parameters: [Role: [Int]]) {
    self.operation = operation
    self.inputs = inputs
    self.parameters = parameters
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Every operation is kept in files; one that cannot be encoded is told apart by its description.
    let settings = (try? encoder.encode(operation)).map { String(decoding: $0, as: UTF8.self) } ?? "\(operation)"
    func text(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: "×") }
    let own = parameters.sorted { $0.key < $1.key }.map { "\($0.key.rawValue) \(text($0.value))" }
    let reads = inputs.isEmpty ? [] : ["of " + inputs.map(text).joined(separator: " and ")]
    key = (["\(type(of: operation).kind) \(settings)"] + reads + own).joined(separator: " ")
  }

  public static func == (a: Workload, b: Workload) -> Bool { a.key == b.key }
  public func hash(into hasher: inout Hasher) { hasher.combine(key) }

  /// Multiply-accumulates for one image.
  public var macs: Int {
    let output = (try? operation.shape(of: inputs, parameters: parameters)) ?? []
    return operation.macs(inputs: inputs, output: output, parameters: parameters)
  }
}

extension Network {
  /// The workload of every node, by its name.
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  public func workloads() throws -> [String: Workload] {
    let shapes = try validate()
    return Dictionary(
      uniqueKeysWithValues: nodes.map { node in
        let own = node.parameters.compactMapValues { parameters[$0]?.shape }
        return (node.name, Workload(node.operation, inputs: node.inputs.map { shapes[$0] ?? [] }, parameters: own))
      })
  }
}

extension Scheme {
  /// What the two factors of a convolution or linear layer would be at `rank`.
  ///
  /// - Throws: `NetworkError` when a factor does not fit what it reads.
  func workloads(of layer: Workload, _ shape: [Int], rank: Int) throws -> [Workload] {
    let parts = factors(of: layer.operation, shape, rank: rank)
    let first = Workload(parts.first.operation, inputs: layer.inputs, parameters: [.weight: parts.first.shape])
    let between = try parts.first.operation.shape(of: layer.inputs, parameters: first.parameters)
    var own = [Role.weight: parts.second.shape]
    own[.bias] = layer.parameters[.bias]
    return [first, Workload(parts.second.operation, inputs: [between], parameters: own)]
  }
}
