import class Foundation.JSONEncoder
import Networks
import Torch

/// What a node gives the machine to do: an operation on values and parameters of certain shapes.
///
/// Two nodes of equal workload take equally long, whatever network they are in; so each is measured once.
public struct Workload: Sendable, Hashable {
  public let operation: any Operation
  /// Shapes of what it reads, of one image; of a value to be added last.
  public let inputs: [[Int]]
  /// What is done in the same pass; nil for an operation that runs as it is.
  public let fusion: Pass.Fusion?
  public let parameters: [Role: [Int]]
  /// The same as text, under which times are kept: `packed convolution {…} of 16×32×32 weight 16×16×3×3 relu`.
  public let key: String

  public init(
    _ operation: any Operation, inputs: [[Int]], parameters: [Role: [Int]], fusion: Pass.Fusion? = nil
  ) {
    self.operation = operation
    self.fusion = fusion
    self.inputs = inputs
    self.parameters = parameters
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Every operation is kept in files; one that cannot be encoded is told apart by its description.
    let settings = (try? encoder.encode(operation)).map { String(decoding: $0, as: UTF8.self) } ?? "\(operation)"
    func text(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: "×") }
    let own = parameters.sorted { $0.key < $1.key }.map { "\($0.key.rawValue) \(text($0.value))" }
    let reads = inputs.isEmpty ? [] : ["of " + inputs.map(text).joined(separator: " and ")]
    let packed = fusion.map { _ in "packed" }.map { [$0] } ?? []
    let behind = fusion?.relu == true ? ["relu"] : []
    key = (packed + ["\(type(of: operation).kind) \(settings)"] + reads + own + behind).joined(separator: " ")
  }

  public static func == (a: Workload, b: Workload) -> Bool { a.key == b.key }
  public func hash(into hasher: inout Hasher) { hasher.combine(key) }

  /// Multiply-accumulates for one image.
  public var macs: Int {
    let read = fusion == nil ? inputs : Array(inputs.prefix(1))
    let output = (try? operation.shape(of: read, parameters: parameters)) ?? []
    return operation.macs(inputs: read, output: output, parameters: parameters)
  }
}

extension Network {
  /// The workload of every pass, by the name of the node that it begins with.
  ///
  /// - Parameter precision: in float32 that of `Inference`, in bfloat16 of `Execution`, node by node.
  /// - Throws: `NetworkError` when the network is not valid.
  public func workloads(_ precision: Precision = .float32) throws -> [String: Workload] {
    let (network, passes) = precision == .float32 ? try self.passes() : (self, nodes.map(\.pass))
    let shapes = try network.validate()
    return Dictionary(
      uniqueKeysWithValues: passes.map { pass in
        let own = pass.node.parameters.compactMapValues { network.parameters[$0]?.shape }
        let inputs = pass.inputs.map { shapes[$0] ?? [] }
        return (
          pass.node.name, Workload(pass.node.operation, inputs: inputs, parameters: own, fusion: pass.fusion)
        )
      })
  }
}

extension Scheme {
  /// What the two factors of a convolution or linear layer would be at `rank`.
  ///
  /// - Throws: `NetworkError` when a factor does not fit what it reads.
  func workloads(of layer: Workload, _ shape: [Int], rank: Int) throws -> [Workload] {
    let parts = factors(of: layer.operation, shape, rank: rank)
    let read = Array(layer.inputs.prefix(1))
    let first = Workload(
      parts.first.operation, inputs: read, parameters: [.weight: parts.first.shape],
      fusion: layer.fusion.map { _ in Pass.Fusion() })
    let between = try parts.first.operation.shape(of: read, parameters: first.parameters)
    var own = [Role.weight: parts.second.shape]
    own[.bias] = layer.parameters[.bias]
    let added = layer.inputs.dropFirst()
    return [
      first, Workload(parts.second.operation, inputs: [between] + added, parameters: own, fusion: layer.fusion),
    ]
  }
}
