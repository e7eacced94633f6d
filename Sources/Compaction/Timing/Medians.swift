extension ContinuousClock.Instant {
  var elapsedMilliseconds: Double {
    let (seconds, attoseconds) = duration(to: .now).components
    return Double(seconds) * 1e3 + Double(attoseconds) * 1e-15
  }
}

extension [Double] {
  var median: Double { isEmpty ? 0 : sorted()[count / 2] }

  /// Half of the width of the interval that holds the median with about 95 %, relative to it: from order statistics,
  /// n/2 ± √n.
  var medianSpread: Double {
    let sorted = sorted()
    let reach = Double(count).squareRoot()
    let low = Swift.max(0, Int(Double(count) / 2 - reach))
    let high = Swift.min(count - 1, Int(Double(count) / 2 + reach))
    return median > 0 ? (sorted[high] - sorted[low]) / (2 * median) : 0
  }
}
