import Foundation

/// How fast something goes lately: an exponential moving average over time.
///
/// Items and seconds both fade with the same time constant; their quotient is right from the first item on. A time far
/// out of proportion, as of a program that was halted or a laptop that was shut, is no work and left out, unless the
/// next is like it.
struct Rate {
  private var items = 0.0
  private var seconds = 0.0

  /// Seconds after which what happened counts 1/e.
  static let timeConstant = 5.0

  /// Items per second, nil before any time has passed.
  var perSecond: Double? {
    seconds > 0 ? items / seconds : nil
  }

  /// Whether the last time was left out.
  private var hasHalted = false
  /// Seconds, and times what was expected, from which on it is a halt.
  private static let (leastHalt, mostOfExpected) = (10.0, 10.0)

  mutating func add(items count: Int, in duration: Double) {
    if let perSecond, duration > Self.leastHalt, duration * perSecond > Self.mostOfExpected * Double(count), !hasHalted
    {
      hasHalted = true
      // What comes next counts alone, and until then the rate is what it was.
      (items, seconds) = (items * 1e-3, seconds * 1e-3)
      return
    }
    hasHalted = false
    let fading = exp(-duration / Self.timeConstant)
    items = items * fading + Double(count)
    seconds = seconds * fading + duration
  }
}
