import class Foundation.JSONEncoder
import Networks
import Torch

/// What an instruction gives the machine to do: an operation on values and parameters of certain shapes.
///
/// Two of equal operation and shapes take equally long, whatever network they are in; so each is measured once.
public struct ShapedInstruction: Sendable, Hashable {
  public let operation: FusedOperation
  /// Shapes of what it reads, of one image; of a value to be added last.
  public let inputs: [[Int]]
  /// Of each of the operations that have parameters.
  public let parameters: [[Role: [Int]]]
  /// The same as text, under which times are kept: `packed convolution {…} of 16×32×32 weight 16×16×3×3 relu`.
  public let key: String

  public init(_ operation: FusedOperation, inputs: [[Int]], parameters: [[Role: [Int]]]) {
    self.operation = operation
    self.inputs = inputs
    self.parameters = parameters
    key = Self.parts(operation, inputs, parameters).enumerated().map { index, part in
      let isLast = index == parameters.count - 1
      return part.text(isPacked: operation.isPacked, relu: isLast && operation.appliesReLU)
    }.joined(separator: " and then ")
  }

  /// An operation as it is.
  public init(_ operation: any Operation, inputs: [[Int]], parameters: [Role: [Int]]) {
    self.init(.single(operation), inputs: inputs, parameters: [parameters])
  }

  public static func == (a: ShapedInstruction, b: ShapedInstruction) -> Bool { a.key == b.key }
  public func hash(into hasher: inout Hasher) { hasher.combine(key) }

  /// Multiply-accumulates for one image.
  public var macs: Int {
    Self.parts(operation, inputs, parameters).map { $0.macs(isPacked: operation.isPacked) }.reduce(0, +)
  }

  /// One of its operations with what it reads, of which what is added comes last.
  private struct Part {
    let operation: any Operation
    let inputs: [[Int]]
    let parameters: [Role: [Int]]

    /// Of what it makes, before anything is added; nothing where the shapes do not fit.
    func output(isPacked: Bool) -> [Int] {
      (try? operation.shape(of: isPacked ? Array(inputs.prefix(1)) : inputs, parameters: parameters)) ?? []
    }

    func macs(isPacked: Bool) -> Int {
      let read = isPacked ? Array(inputs.prefix(1)) : inputs
      return operation.macs(inputs: read, output: output(isPacked: isPacked), parameters: parameters)
    }

    func text(isPacked: Bool, relu: Bool) -> String {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      // Every operation is kept in files; one that cannot be encoded is told apart by its description.
      let settings = (try? encoder.encode(operation)).map { String(decoding: $0, as: UTF8.self) } ?? "\(operation)"
      func text(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: "×") }
      let own = parameters.sorted { $0.key < $1.key }.map { "\($0.key.rawValue) \(text($0.value))" }
      let reads = inputs.isEmpty ? [] : ["of " + inputs.map(text).joined(separator: " and ")]
      let all = (isPacked ? ["packed"] : []) + ["\(type(of: operation).kind) \(settings)"] + reads + own
      return (all + (relu ? ["relu"] : [])).joined(separator: " ")
    }
  }

  /// Its operations one after the other: of a pair, the second reads what the first makes.
  private static func parts(
    _ operation: FusedOperation, _ inputs: [[Int]], _ parameters: [[Role: [Int]]]
  ) -> [Part] {
    let all = operation.operations
    guard all.count == 2 else { return [Part(operation: all[0], inputs: inputs, parameters: parameters[0])] }
    let first = Part(operation: all[0], inputs: Array(inputs.prefix(1)), parameters: parameters[0])
    let between = first.output(isPacked: true)
    return [first, Part(operation: all[1], inputs: [between] + inputs.dropFirst(), parameters: parameters[1])]
  }
}

extension Network {
  /// Every instruction with its shapes, by its name.
  ///
  /// - Parameter precision: in float32 those of inference, in bfloat16 node by node.
  /// - Throws: `NetworkError` when the network is not valid.
  public func shapedInstructions(_ precision: Precision = .float32) throws -> [String: ShapedInstruction] {
    let lowered = try lowered(precision == .float32 ? .inference(batch: 1) : .reference)
    return Dictionary(
      uniqueKeysWithValues: lowered.instructions.map { instruction in
        let parameters = instruction.nodes.map { node in
          node.parameters.compactMapValues { lowered.network.parameters[$0]?.shape }
        }
        let inputs = instruction.inputs.map { lowered.shapes[$0] ?? [] }
        let shaped = ShapedInstruction(instruction.operation, inputs: inputs, parameters: parameters)
        return (instruction.name, shaped)
      })
  }
}

extension Decomposition {
  /// What the two factors of a convolution or linear layer would be at `rank`.
  ///
  /// - Throws: `NetworkError` when a factor does not fit what it reads.
  func instructions(of layer: ShapedInstruction, _ shape: [Int], rank: Int) throws -> [ShapedInstruction] {
    guard let operation = layer.operation.operations[0] as? any WeightedOperation else { return [layer] }
    let (parts, shapes) = (operations(of: operation), shapes(of: shape, ranks: [rank]))
    let read = Array(layer.inputs.prefix(1))
    let first = ShapedInstruction(
      layer.operation.factor(parts[0], isLast: false), inputs: read, parameters: [[.weight: shapes[0]]])
    let between = try parts[0].shape(of: read, parameters: first.parameters[0])
    var own = [Role.weight: shapes[1]]
    own[.bias] = layer.parameters.last?[.bias]
    let second = ShapedInstruction(
      layer.operation.factor(parts[1], isLast: true), inputs: [between] + layer.inputs.dropFirst(), parameters: [own])
    return [first, second]
  }
}

extension FusedOperation {
  /// Another layer in its place, or the first of two that are: only behind the last is the ReLU done.
  func factor(_ layer: any Operation, isLast: Bool) -> FusedOperation {
    guard isPacked, let convolution = layer as? Convolution else { return .single(layer) }
    return .convolution(convolution, relu: isLast && appliesReLU)
  }
}

extension [ShapedInstruction] {
  /// A layer's instructions as they run: a pair of factors as one, where that is faster, or always.
  func joined(always: Bool) -> [ShapedInstruction] {
    if always, count == 2, case .convolution(let first, relu: false) = self[0].operation,
      case .convolution(let last, let relu) = self[1].operation
    {
      return [pair(.pair(first: first, last: last, relu: relu))]
    }
    guard count == 2, let weight = self[0].parameters[0][.weight], let next = self[1].parameters[0][.weight],
      let operation = FusedOperation.joining(self[0].operation, weight, self[1].operation, next)
    else { return self }
    return [pair(operation)]
  }

  private func pair(_ operation: FusedOperation) -> ShapedInstruction {
    ShapedInstruction(
      operation, inputs: self[0].inputs + self[1].inputs.dropFirst(),
      parameters: self[0].parameters + self[1].parameters)
  }
}
