import Torch

/// An exponential moving average of all that a network has learnt, the running statistics of batch norm included.
///
/// After step t the average a of the weights w is d·a + (1 − d)·w with d = min(decay, (1 + t)/(10 + t)), so that an
/// average of a few steps is not one of the weights that training started from.
struct WeightAverage {
  /// In memory of its own, laid out as the parameters are.
  let values: [Tensor]
  /// The steps that it is an average of.
  private(set) var steps: Int

  /// An average that begins with these values, or goes on with them after so many steps.
  init(_ values: [Tensor], laidOutLike parameters: [Tensor], steps: Int = 0) {
    self.values = zip(values, parameters).map { $0.detached.laidOut(like: $1.detached) }
    self.steps = steps
  }

  /// Takes the parameters after one more step into the average.
  mutating func add(_ parameters: [Tensor], decay: Double) {
    steps += 1
    Tensor.move(values, toward: parameters, by: 1 - Self.decay(decay, after: steps))
  }

  /// d: the share of the average that stays at step t.
  static func decay(_ decay: Double, after steps: Int) -> Double {
    min(decay, Double(1 + steps) / Double(10 + steps))
  }
}
