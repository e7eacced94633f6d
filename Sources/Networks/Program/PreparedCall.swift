import Torch

/// A call with its weights packed and the positions of its other parameters.
struct PreparedCall: Sendable {
  private enum Work: Sendable {
    case operation(FusedOperation)
    case convolution(PackedConvolution)
    case chain(ConvolutionChain)
  }

  /// The position of its first instruction.
  let first: Int
  /// Where in the program's parameters those of its operation are; of packed convolutions none.
  let parameters: [(role: Role, index: Int)]
  private let work: Work

  /// - Parameters:
  ///   - packed: the convolution of each instruction; nil for one that runs as it is.
  ///   - positions: of the program's parameters, by name.
  init(_ call: Call, _ instructions: [Instruction], _ packed: [PackedConvolution?], _ positions: [String: Int]) {
    first = call.range.lowerBound
    let instruction = instructions[first]
    if call.range.count > 1 {
      work = .chain(ConvolutionChain(Self.steps(of: call, instructions, packed)))
    } else {
      work = packed[first].map(Work.convolution) ?? .operation(instruction.operation)
    }
    let own = packed[first] == nil ? instruction.nodes.flatMap(\.parameters) : []
    parameters = own.map { (role: $0.key, index: positions[$0.value] ?? 0) }
  }

  private static func steps(
    of call: Call, _ instructions: [Instruction], _ packed: [PackedConvolution?]
  ) -> [ConvolutionChain.Step] {
    var places = Dictionary(uniqueKeysWithValues: call.inputs.enumerated().map { ($1, $0) })
    return call.range.compactMap { index in
      guard let convolution = packed[index] else { return nil }
      let read = instructions[index].inputs.map { places[$0] ?? 0 }
      places[instructions[index].result] = call.inputs.count + index - call.range.lowerBound
      return ConvolutionChain.Step(convolution, reading: read[0], adding: read.count > 1 ? read[1] : nil)
    }
  }

  /// - Parameter finished: told the position of each instruction when it is done.
  func run(
    _ inputs: [Tensor], _ all: [Tensor], _ context: inout RunContext, _ finished: ((Int) -> Void)?
  ) -> Tensor {
    switch work {
    case .chain(let chain): return chain(inputs, finished: finished.map { finished in { finished(first + $0) } })
    case .convolution(let convolution):
      defer { finished?(first) }
      return convolution(inputs[0], adding: inputs.count > 1 ? inputs[1] : nil)
    case .operation(let operation):
      defer { finished?(first) }
      let own = NodeParameters { role in parameters.first { $0.role == role }.map { all[$0.index] } }
      return operation.run(inputs, own, &context)
    }
  }
}
