import Foundation

/// The places of an axis that get a number, chosen so that the numbers are short and not crowded.
struct PlotTicks: Equatable {
  var values: [Double]
  var labels: [String]
  /// Places that get a faint line without a number, on logarithmic axes.
  var minor: [Double] = []

  /// Multiples of 1, 2 or 5 times a power of ten in the range, about `count` of them, no nearer than `least`.
  static func linear(_ range: ClosedRange<Double>, count: Int, atLeast least: Double = 0) -> PlotTicks {
    let step = max(least, niceStep((range.upperBound - range.lowerBound) / Double(max(1, count))))
    let first = (range.lowerBound / step - 1e-9).rounded(.up)
    let last = (range.upperBound / step + 1e-9).rounded(.down)
    // Of a range that Double hardly resolves, as 10^16 to 10^16 + 2, only the ends can be named.
    guard step > 0, last >= first, last - first < 100, first + 1 > first else {
      let ends = [range.lowerBound, range.upperBound]
      return PlotTicks(values: ends, labels: ends.map(label))
    }
    let values = stride(from: first, through: last, by: 1).map { tick(at: $0, step: step) }
    return PlotTicks(values: values, labels: labels(of: values, step: step))
  }

  /// Powers of ten, with 2 and 5 between them where few are in the range; a short range gets linear ticks.
  static func logarithmic(_ range: ClosedRange<Double>, count: Int) -> PlotTicks {
    let (low, high) = (log10(range.lowerBound), log10(range.upperBound))
    func inRange(_ mantissas: [Double]) -> [Double] {
      var places: [Double] = []
      for decade in Int(low.rounded(.down))...Int(high.rounded(.down)) {
        for mantissa in mantissas { places.append(mantissa * power(decade)) }
      }
      let (least, greatest) = (range.lowerBound * (1 - 1e-9), range.upperBound * (1 + 1e-9))
      return places.filter { $0 >= least && $0 <= greatest }
    }
    let decades = inRange([1])
    let between = high - low < 8 ? inRange([2, 3, 4, 5, 6, 7, 8, 9]) : []
    if decades.count >= 3 {
      let every = (decades.count - 2) / max(1, count) + 1
      let values = decades.enumerated().filter { $0.offset % every == 0 }.map(\.element)
      return PlotTicks(values: values, labels: values.map(label), minor: between)
    }
    let values = inRange([1, 2, 5])
    if values.count >= 3, values.count <= 2 * count {
      return PlotTicks(values: values, labels: values.map(label), minor: between.filter { !values.contains($0) })
    }
    return linear(range, count: count)
  }

  /// The number that a tick stands for, by itself: 0.02, 500, 20 k, 3 M, 10⁻⁵.
  static func label(_ value: Double) -> String {
    let magnitude = value.magnitude
    if magnitude == 0 { return "0" }
    if magnitude >= 0.000_999, magnitude < 9_999 { return String(format: "%.4g", value) }
    if magnitude >= 9_999, magnitude < 9.99e14 {
      let (unit, suffix) = unit(for: magnitude)
      return String(format: "%.4g", value / unit) + suffix
    }
    let exponent = Int((log10(magnitude) + 1e-9).rounded(.down))
    let mantissa = String(format: "%.3g", value / power(exponent))
    return (mantissa == "1" ? "" : mantissa + "·") + "10" + superscript(exponent)
  }

  /// Numbers in one unit and with equally many decimals.
  private static func labels(of values: [Double], step: Double) -> [String] {
    let greatest = values.map(\.magnitude).max() ?? 0
    if greatest >= 9.99e14 || greatest < 0.000_999 { return values.map(label) }
    let (unit, suffix) = greatest < 9_999 ? (1, "") : unit(for: greatest)
    let decimals = max(0, -Int((log10(step / unit) + 1e-9).rounded(.down)))
    return values.map { $0 == 0 ? "0" : ($0 / unit).formatted(decimals: min(decimals, 9)) + suffix }
  }

  private static func unit(for magnitude: Double) -> (Double, String) {
    switch magnitude {
    case ..<0.999e6: (1e3, " k")
    case ..<0.999e9: (1e6, " M")
    case ..<0.999e12: (1e9, " G")
    default: (1e12, " T")
    }
  }

  /// The nearest of 1, 2, 5 times a power of ten, on a logarithmic scale.
  private static func niceStep(_ step: Double) -> Double {
    guard step > 0, step.isFinite else { return 0 }
    let exponent = Int(log10(step).rounded(.down))
    let mantissa = step / power(exponent)
    let nice = mantissa < 1.4 ? 1.0 : mantissa < 3 ? 2 : mantissa < 7 ? 5 : 10
    return nice * power(exponent)
  }

  /// A multiple of the step, divided where that is exact: 3 · 0.1 is not 0.3, 3 / 10 is.
  private static func tick(at multiple: Double, step: Double) -> Double {
    let inverse = (1 / step).rounded()
    let isExact = step < 1 && abs(inverse * step - 1) < 1e-9
    return multiple == 0 ? 0 : isExact ? multiple / inverse : multiple * step
  }

  /// 10 to a whole power, rounded correctly, which `pow` does not promise on every machine.
  private static func power(_ exponent: Int) -> Double {
    Double("1e\(exponent)") ?? 0
  }

  private static func superscript(_ exponent: Int) -> String {
    let digits = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
    return String(String(exponent).map { $0 == "-" ? "⁻" : digits[$0.wholeNumberValue ?? 0] })
  }
}
