import Compaction
import Networks
import Torch

extension LayerClock {
  /// The clock with the step of units that its runtime rewards, learnt from its times: runtimes compute 4, 8 or 16
  /// channels at once, and some do so only where channels come in whole blocks (`Documentation/clocks.md`).
  ///
  /// 3×3 convolutions of 64 channels are timed at every fourth number of units up to 64; the step is the smallest at
  /// whose multiples fewer units always take less time.
  ///
  /// - Throws: what the clock throws.
  public func learningUnitStep() throws -> LayerClock {
    let widths = Array(stride(from: 32, through: 64, by: 4))
    let layers = widths.map { units in
      ShapedInstruction(
        .convolution(Convolution(ConvolutionGeometry(padding: [1, 1])), relu: true), inputs: [[64, 16, 16]],
        parameters: [[.weight: [units, 64, 3, 3], .bias: [units]]])
    }
    let known = try times(conditions, layers)
    let measured = zip(widths, layers).compactMap { width, layer in known[layer].map { (width, $0) } }
    var clock = self
    clock.unitStep = Self.smallestStep(measured)
    return clock
  }

  /// The smallest of 4, 8 and 16 at whose multiples times rise with the width.
  static func smallestStep(_ times: [(width: Int, milliseconds: Double)]) -> Int {
    [4, 8].first { step in
      let own = times.filter { $0.width % step == 0 }.map(\.milliseconds)
      return zip(own, own.dropFirst()).allSatisfy { $0 < $1 }
    } ?? 16
  }
}
