import CTorch

/// Convolutions that the shim computes in one call, each after those it reads: threads are started once for all of
/// them, and what they hand on stays in memory that is used again and again.
public struct ConvolutionChain: @unchecked Sendable {
  /// One of the convolutions and what it reads: an input of the chain or, counted on from them, an earlier step's
  /// result.
  public struct Step {
    let convolution: PackedConvolution
    let input: Int
    let addend: Int?

    public init(_ convolution: PackedConvolution, reading input: Int, adding addend: Int?) {
      self.convolution = convolution
      self.input = input
      self.addend = addend
    }
  }

  // Unchecked: the steps point to weights that nobody writes to.
  private let steps: [ct_direct_step]
  /// Keeps what the steps point to.
  private let convolutions: [PackedConvolution]

  /// - Parameter steps: at least one; all of them direct.
  public init(_ steps: [Step]) {
    precondition(!steps.isEmpty && steps.allSatisfy(\.convolution.isDirect))
    convolutions = steps.map(\.convolution)
    self.steps = steps.compactMap { $0.convolution.step(reading: $0.input, adding: $0.addend) }
  }

  /// The result of the last step.
  ///
  /// - Parameter finished: told the position of each step when it is done, on a thread of the team.
  public func callAsFunction(_ inputs: [Tensor], finished: ((Int) -> Void)? = nil) -> Tensor {
    guard var finished else { return run(inputs, nil, nil) }
    return withUnsafeMutablePointer(to: &finished) { closure in
      run(
        inputs, { context, step in context?.assumingMemoryBound(to: ((Int) -> Void).self).pointee(Int(step)) }, closure)
    }
  }

  private func run(_ inputs: [Tensor], _ finished: ct_finished?, _ context: UnsafeMutableRawPointer?) -> Tensor {
    withExtendedLifetime(convolutions) {
      withPointers(inputs) { pointers, count in
        steps.withUnsafeBufferPointer { steps in
          guard let first = steps.baseAddress else { preconditionFailure("a chain has a step") }
          return Tensor(
            owning: ct_direct_convolutions(pointers, count, first, Int32(steps.count), finished, context))
        }
      }
    }
  }
}
