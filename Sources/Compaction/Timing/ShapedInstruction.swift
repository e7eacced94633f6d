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
  /// - Parameter precision: in bfloat16 node by node, else those of inference.
  /// - Throws: `NetworkError` when the network is not valid.
  public func shapedInstructions(_ precision: TimingConditions.Precision = .float32) throws -> [String:
    ShapedInstruction]
  {
    let lowered = try lowered(precision == .bfloat16 ? .reference : .inference(batch: 1))
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
  /// What the factors of a convolution or linear layer would be at `rank`.
  ///
  /// - Throws: `NetworkError` when a factor does not fit what it reads.
  func instructions(of layer: ShapedInstruction, _ shape: [Int], rank: Int) throws -> [ShapedInstruction] {
    guard let operation = layer.operation.operations[0] as? any WeightedOperation else { return [layer] }
    let shapes = shapes(of: shape, ranks: ranks(at: rank, of: shape))
    var read = layer.inputs[0]
    return try operations(of: operation).enumerated().map { index, part in
      let isLast = index == factors.count - 1
      var own = [Role.weight: shapes[index]]
      if isLast { own[.bias] = layer.parameters.last?[.bias] }
      let inputs = [read] + (isLast ? layer.inputs.dropFirst() : [])
      read = try part.shape(of: [read], parameters: own)
      return ShapedInstruction(layer.operation.factor(part, isLast: isLast), inputs: inputs, parameters: [own])
    }
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
  /// The instructions of a layer's factors as they run: two neighbours as one, where that is faster, or always; what
  /// comes first is joined first.
  func joined(always: Bool) -> [ShapedInstruction] {
    reduce(into: []) { found, next in
      guard let last = found.last, let both = last.joined(with: next, always: always) else { return found.append(next) }
      found[found.count - 1] = both
    }
  }
}

extension ShapedInstruction {
  /// It and the next as one instruction, if each is one factor and that is faster, or always.
  fileprivate func joined(with next: ShapedInstruction, always: Bool) -> ShapedInstruction? {
    guard parameters.count == 1, let weight = parameters[0][.weight], let nextWeight = next.parameters[0][.weight],
      let operation = always
        ? FusedOperation.pairing(self.operation, next.operation)
        : FusedOperation.joining(self.operation, weight, next.operation, nextWeight)
    else { return nil }
    return ShapedInstruction(
      operation, inputs: inputs + next.inputs.dropFirst(), parameters: parameters + next.parameters)
  }
}
