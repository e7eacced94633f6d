import Foundation

extension Int {
  /// A count or a number of MACs to three digits: 950, 41.2 k, 0.27 M, 40.6 M, 4.09 G.
  public var formattedCount: String {
    let magnitude = Double(self.magnitude)
    let sign = self < 0 ? "-" : ""
    // From 100 k on in millions, as papers give sizes of networks.
    switch magnitude {
    case ..<1000: return "\(self)"
    case ..<99_950: return sign + (magnitude / 1e3).threeDigits + " k"
    case ..<999.5e6: return sign + (magnitude / 1e6).threeDigits + " M"
    case ..<999.5e9: return sign + (magnitude / 1e9).threeDigits + " G"
    default: return sign + (magnitude / 1e12).threeDigits + " T"
    }
  }

  /// A number of bytes in decimal units: 532 B, 41.2 kB, 1.1 MB, 103 MB.
  public var formattedBytes: String {
    let units = ["kB", "MB", "GB", "TB"]
    guard magnitude >= 1000 else { return "\(self) B" }
    var value = Double(self) / 1000
    var unit = 0
    // 999.95 kB would be rounded to 1000 kB.
    while value.magnitude >= 999.5, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    return value.formatted(decimals: value.magnitude < 99.95 ? 1 : 0) + " " + units[unit]
  }
}

extension Double {
  /// The number with exactly that many decimals and a point, whatever the locale; – where it is not finite.
  public func formatted(decimals: Int) -> String {
    guard isFinite else { return "–" }
    let text = String(format: "%.\(decimals)f", self)
    // -0.0 and -0.004 would read "-0".
    return text.hasPrefix("-") && !text.contains(where: { ("1"..."9").contains($0) }) ? String(text.dropFirst()) : text
  }

  /// A share of one in percent: 0.614 is 61.4 %.
  public func formattedPercent(decimals: Int = 1) -> String {
    guard isFinite else { return "–" }
    return (self * 100).formatted(decimals: decimals) + " %"
  }

  /// Seconds for reading: 420 ms, 7.3 s, 45 s, 1 min 03 s, 2 h 05 min, 3 d 04 h.
  public var formattedDuration: String {
    guard isFinite, self >= 0, self < 1e15 else { return "–" }
    if self < 0.9995 { return (self * 1000).formatted(decimals: self < 0.00995 ? 1 : 0) + " ms" }
    if self < 9.95 { return formatted(decimals: 1) + " s" }
    let seconds = Int(rounded())
    if seconds < 60 { return "\(seconds) s" }
    if seconds < 3600 { return "\(seconds / 60) min \((seconds % 60).twoDigits) s" }
    let minutes = Int((self / 60).rounded())
    if minutes < 24 * 60 { return "\(minutes / 60) h \((minutes % 60).twoDigits) min" }
    let hours = Int((self / 3600).rounded())
    return "\(hours / 24) d \((hours % 24).twoDigits) h"
  }

  /// Seconds in few characters, as in a line of figures: 420 ms, 7.3 s, 41 s, 2.5 min, 12 min, 1.4 h, 3.5 d.
  public var formattedBriefly: String {
    guard isFinite, self >= 0, self < 1e15 else { return "–" }
    if self < 99.5 { return formattedDurationOfSeconds }
    for (unit, seconds, most) in [("min", 60.0, 99.5), ("h", 3600, 48)] where self < most * seconds {
      let value = self / seconds
      return value.formatted(decimals: value < 9.95 ? 1 : 0) + " " + unit
    }
    return (self / 86_400).formatted(decimals: self < 9.95 * 86_400 ? 1 : 0) + " d"
  }

  private var formattedDurationOfSeconds: String {
    self < 59.5 ? formattedDuration : formatted(decimals: 0) + " s"
  }

  /// Seconds as on a clock: 0:23, 12:05, 1:02:03.
  public var formattedClock: String {
    guard isFinite, self >= 0, self < 1e15 else { return "–" }
    let seconds = Int(rounded())
    let (minutes, rest) = (seconds / 60, (seconds % 60).twoDigits)
    return minutes < 60 ? "\(minutes):\(rest)" : "\(minutes / 60):\((minutes % 60).twoDigits):\(rest)"
  }

  /// Three digits in all where the number is below 1000; two decimals below 1.
  var threeDigits: String {
    formatted(decimals: magnitude < 9.995 ? 2 : magnitude < 99.95 ? 1 : 0)
  }
}

extension Int {
  fileprivate var twoDigits: String { self < 10 ? "0\(self)" : "\(self)" }
}
