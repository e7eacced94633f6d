import Foundation

/// How fast something goes lately: an exponential moving average over time.
///
/// Items and seconds both fade with the same time constant; their quotient is right from the first item on.
struct Rate {
  private var items = 0.0
  private var seconds = 0.0

  /// Seconds after which what happened counts 1/e.
  static let timeConstant = 5.0

  /// Items per second, nil before any time has passed.
  var perSecond: Double? {
    seconds > 0 ? items / seconds : nil
  }

  mutating func add(items count: Int, in duration: Double) {
    let fading = exp(-duration / Self.timeConstant)
    items = items * fading + Double(count)
    seconds = seconds * fading + duration
  }
}
