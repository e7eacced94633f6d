import Torch

/// What one instruction of a program computes: an operation of the network, or several in one pass over memory.
public enum FusedOperation: Sendable {
  /// An operation as it is.
  case single(any Operation)
  /// relu(norm(x) + addend), or the largest value of each window of it; the addend may be left out.
  case activatedNorm(BatchNorm, window: [Int])
  /// relu(convolution(x) + addend) with a packed weight; the addend and the ReLU may be left out.
  case convolution(Convolution, relu: Bool)
  /// The same of a pair of factors, of which `last` reads what `first` makes.
  case pair(first: Convolution, last: Convolution, relu: Bool)

  /// The operations that have parameters of their own, in their order.
  public var operations: [any Operation] {
    switch self {
    case .single(let operation): [operation]
    case .activatedNorm(let norm, _): [norm]
    case .convolution(let convolution, _): [convolution]
    case .pair(let first, let last, _): [first, last]
    }
  }

  /// Whether it is a convolution with packed weights, in one instruction with what follows.
  public var isPacked: Bool {
    switch self {
    case .single, .activatedNorm: false
    case .convolution, .pair: true
    }
  }

  /// Whether a ReLU is done behind a packed convolution.
  public var appliesReLU: Bool {
    switch self {
    case .single, .activatedNorm: false
    case .convolution(_, let relu), .pair(_, _, let relu): relu
    }
  }

  /// `first` and `second` as one, where both are convolutions that run faster so and nothing is done between them.
  ///
  /// - Parameters: with the shapes of their weights.
  public static func joining(
    _ first: FusedOperation, _ firstWeight: [Int], _ second: FusedOperation, _ secondWeight: [Int]
  ) -> FusedOperation? {
    guard case .pair(let own, let next, _)? = pairing(first, second),
      PackedConvolution.joins(firstWeight, own.geometry, secondWeight, next.geometry)
    else { return nil }
    return pairing(first, second)
  }

  /// `first` and `second` as one, where both are convolutions and nothing is done between them.
  public static func pairing(_ first: FusedOperation, _ second: FusedOperation) -> FusedOperation? {
    guard case .convolution(let own, relu: false) = first, case .convolution(let next, let relu) = second else {
      return nil
    }
    return .pair(first: own, last: next, relu: relu)
  }

  /// The packed convolution that computes it, nil where it runs as it is.
  ///
  /// - Parameters:
  ///   - parameters: of each of `operations`.
  ///   - shape: N×C×H×W of what it reads, for which the order of weights is chosen.
  public func packed(_ parameters: [NodeParameters], input shape: [Int]) -> PackedConvolution? {
    func part(_ convolution: Convolution, _ own: NodeParameters) -> PackedConvolution.Part {
      PackedConvolution.Part(weight: own.roundedWeight, bias: own[.bias], convolution.geometry)
    }
    switch self {
    case .single, .activatedNorm: return nil
    case .convolution(let convolution, let relu):
      return PackedConvolution(part(convolution, parameters[0]), relu: relu, input: shape)
    case .pair(let first, let last, let relu):
      return PackedConvolution(part(first, parameters[0]), part(last, parameters[1]), relu: relu)
    }
  }

  /// Runs what needs no packed weights.
  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    switch self {
    case .single(let operation): return operation.run(inputs, parameters, &context)
    case .activatedNorm(let norm, let window):
      let addend = inputs.count > 1 ? inputs[1] : nil
      return norm.runActivated(inputs[0], adding: addend, window: window, parameters, &context)
    case .convolution, .pair: preconditionFailure("a packed convolution runs with its packed weight")
    }
  }
}

/// A step of a program: what is computed, of which values, and whose parameters it uses.
public struct Instruction: Sendable {
  public var operation: FusedOperation
  /// The nodes of `operation.operations`: one, or the two factors of a pair.
  public var nodes: [Node]
  /// Names of the values that it reads; one to be added comes last.
  public var inputs: [String]
  /// The name under which its result is read.
  public var result: String

  /// The node by itself.
  public init(_ node: Node) {
    (operation, nodes, inputs, result) = (.single(node.operation), [node], node.inputs, node.name)
  }

  /// The node under whose name it is known: of a pair, the second.
  public var name: String { nodes.last?.name ?? result }
}
