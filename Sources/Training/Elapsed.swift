extension ContinuousClock.Instant {
  /// Seconds since this instant.
  var elapsed: Double {
    let elapsed = duration(to: .now)
    return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
  }

  /// Seconds since this instant, which moves to now.
  mutating func lap() -> Double {
    defer { self = .now }
    return elapsed
  }
}
