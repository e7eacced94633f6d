import Foundation

/// Takes an axis' values to pixels.
struct PlotScale: Equatable {
  let scale: LinePlot.Axis.Scale
  /// The values at both ends.
  let range: ClosedRange<Double>
  /// Where the lower and the upper end are.
  var pixels: (low: Double, high: Double) = (0, 1)

  static func == (a: PlotScale, b: PlotScale) -> Bool {
    a.scale == b.scale && a.range == b.range && a.pixels == b.pixels
  }

  /// A scale for the values, with the axis' own range where it has one that can be shown.
  init(_ axis: LinePlot.Axis, values: [Double]) {
    scale = axis.scale
    let shown = values.filter { Self.canShow($0, on: axis.scale) }
    if let range = axis.range, Self.canShow(range.lowerBound, on: scale), Self.canShow(range.upperBound, on: scale),
      range.upperBound > range.lowerBound
    {
      self.range = range
    } else if let least = shown.min(), let greatest = shown.max() {
      switch scale {
      case .linear: range = Self.linear(least, greatest)
      case .logarithmic: range = Self.logarithmic(least, greatest)
      case .whole: range = Self.whole(least, greatest)
      }
    } else {
      range = scale == .logarithmic ? 0.1...10 : 0...1
    }
  }

  /// Whether the value has a place on such an axis; beyond 10^300 differences overflow.
  static func canShow(_ value: Double, on scale: LinePlot.Axis.Scale) -> Bool {
    value.magnitude < 1e300 && (scale != .logarithmic || value > 1e-300)
  }

  func contains(_ value: Double) -> Bool {
    // The ends of a range come back from a logarithm with an error in the last place.
    let part = part(value)
    return part > -1e-9 && part < 1 + 1e-9
  }

  func pixel(_ value: Double) -> Double {
    pixels.low + part(value) * (pixels.high - pixels.low)
  }

  func ticks(count: Int) -> PlotTicks {
    switch scale {
    case .linear: .linear(range, count: count)
    case .logarithmic: .logarithmic(range, count: count)
    case .whole: .linear(range, count: min(count, max(1, Int(range.upperBound - range.lowerBound))), atLeast: 1)
    }
  }

  private func part(_ value: Double) -> Double {
    switch scale {
    case .linear, .whole: (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    case .logarithmic: log(value / range.lowerBound) / log(range.upperBound / range.lowerBound)
    }
  }

  /// The range with 4 % of air at both ends, but not below zero for values that are not.
  private static func linear(_ least: Double, _ greatest: Double) -> ClosedRange<Double> {
    guard greatest > least else {
      let air = least == 0 ? 1 : least.magnitude * 0.1
      return least - air...least + air
    }
    let air = (greatest - least) * 0.04
    return (least >= 0 ? max(0, least - air) : least - air)...greatest + air
  }

  /// The same, or half a step at both ends of a single value.
  private static func whole(_ least: Double, _ greatest: Double) -> ClosedRange<Double> {
    guard greatest > least else { return least - 0.5...least + 0.5 }
    let air = max(0.15, (greatest - least) * 0.03)
    return least - air...greatest + air
  }

  private static func logarithmic(_ least: Double, _ greatest: Double) -> ClosedRange<Double> {
    let air = greatest > least ? pow(greatest / least, 0.04) : 3
    return least / air...greatest * air
  }
}
