import class Foundation.JSONEncoder
import Networks
import Torch

/// What a node gives the machine to do: an operation on values and parameters of certain shapes.
///
/// Two nodes of equal workload take equally long, whatever network they are in; so each is measured once.
public struct Workload: Sendable, Hashable {
  public let operation: any Operation
  /// The first of a pair of factors where both are done in one pass, or nothing.
  public let before: [Workload]
  /// Shapes of what the operation reads, of one image; of a value to be added last.
  public let inputs: [[Int]]
  /// What is done in the same pass; nil for an operation that runs as it is.
  public let fusion: Pass.Fusion?
  public let parameters: [Role: [Int]]
  /// The same as text, under which times are kept: `packed convolution {…} of 16×32×32 weight 16×16×3×3 relu`.
  public let key: String

  public init(
    _ operation: any Operation, inputs: [[Int]], parameters: [Role: [Int]], fusion: Pass.Fusion? = nil,
    before: Workload? = nil
  ) {
    self.operation = operation
    self.before = before.map { [$0] } ?? []
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
    let first = before.map { ["\($0.key) and then"] } ?? []
    key = (first + packed + ["\(type(of: operation).kind) \(settings)"] + reads + own + behind).joined(separator: " ")
  }

  public static func == (a: Workload, b: Workload) -> Bool { a.key == b.key }
  public func hash(into hasher: inout Hasher) { hasher.combine(key) }

  /// Shapes of what it reads from outside.
  public var reads: [[Int]] { before.first.map { $0.reads + inputs.dropFirst() } ?? inputs }

  /// Multiply-accumulates for one image.
  public var macs: Int {
    let read = fusion == nil ? inputs : Array(inputs.prefix(1))
    let output = (try? operation.shape(of: read, parameters: parameters)) ?? []
    return operation.macs(inputs: read, output: output, parameters: parameters) + before.map(\.macs).reduce(0, +)
  }
}

extension Network {
  /// The workload of every pass, by the name of its node.
  ///
  /// - Parameter precision: in float32 that of `Inference`, in bfloat16 of `Execution`, node by node.
  /// - Throws: `NetworkError` when the network is not valid.
  public func workloads(_ precision: Precision = .float32) throws -> [String: Workload] {
    let (network, passes) = precision == .float32 ? try self.passes() : (self, nodes.map(\.pass))
    let shapes = try network.validate()
    func workload(_ node: Node, _ inputs: [String], _ fusion: Pass.Fusion?, before: Workload? = nil) -> Workload {
      let own = node.parameters.compactMapValues { network.parameters[$0]?.shape }
      return Workload(
        node.operation, inputs: inputs.map { shapes[$0] ?? [] }, parameters: own, fusion: fusion, before: before)
    }
    return Dictionary(
      uniqueKeysWithValues: passes.map { pass in
        guard let first = pass.before else { return (pass.node.name, workload(pass.node, pass.inputs, pass.fusion)) }
        let before = workload(first, first.inputs, Pass.Fusion())
        let inputs = [first.name] + pass.inputs.dropFirst()
        return (pass.node.name, workload(pass.node, inputs, pass.fusion, before: before))
      })
  }
}

extension Decomposition {
  /// What the two factors of a convolution or linear layer would be at `rank`.
  ///
  /// - Throws: `NetworkError` when a factor does not fit what it reads.
  func workloads(of layer: Workload, _ shape: [Int], rank: Int) throws -> [Workload] {
    guard let operation = layer.operation as? any WeightedOperation else { return [layer] }
    let (parts, shapes) = (operations(of: operation), shapes(of: shape, ranks: [rank]))
    let read = Array(layer.inputs.prefix(1))
    let first = Workload(
      parts[0], inputs: read, parameters: [.weight: shapes[0]], fusion: layer.fusion.map { _ in Pass.Fusion() })
    let between = try parts[0].shape(of: read, parameters: first.parameters)
    var own = [Role.weight: shapes[1]]
    own[.bias] = layer.parameters[.bias]
    let added = layer.inputs.dropFirst()
    return [first, Workload(parts[1], inputs: [between] + added, parameters: own, fusion: layer.fusion)]
  }
}

extension [Workload] {
  /// A layer's workloads as they run: a pair of factors as one, where the shim computes both.
  var passes: [Workload] {
    guard count == 2, self[0].fusion == Pass.Fusion(), let fusion = self[1].fusion, self[0].before.isEmpty,
      let first = self[0].operation as? Convolution, let second = self[1].operation as? Convolution,
      let own = self[0].parameters[.weight], let next = self[1].parameters[.weight],
      PackedConvolution.joins(own, first.geometry, next, second.geometry)
    else { return self }
    return [
      Workload(second, inputs: self[1].inputs, parameters: self[1].parameters, fusion: fusion, before: self[0])
    ]
  }
}
