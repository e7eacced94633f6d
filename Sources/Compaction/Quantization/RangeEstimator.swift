import Foundation
import Networks

/// How the range of numbers that a grid reaches follows from the numbers that were seen; what lies outside is cut.
public enum RangeEstimator: String, Sendable, Codable, CaseIterable {
  /// All that were seen.
  case minMax = "min-max"
  /// All but the farthest of 100,000.
  case percentile
  /// The range whose rounded numbers are spread most like all of them: the least Kullback–Leibler divergence (Migacz,
  /// "8-bit Inference with TensorRT", GTC 2017).
  case entropy
  /// The range with the least squared error.
  case squaredError = "mse"

  private static let share = 0.99999
  /// The fractions of the whole range that are tried.
  private static let fractions = stride(from: 1, through: 0.1, by: -0.0125)

  func grid(for histogram: ValueHistogram, _ element: QuantizationGrid.Element) -> QuantizationGrid {
    func grid(_ fraction: Double) -> QuantizationGrid {
      QuantizationGrid(low: fraction * histogram.low, high: fraction * histogram.high, element)
    }
    let whole = grid(1)
    guard histogram.high > histogram.low else { return whole }
    func least(_ error: (QuantizationGrid) -> Double) -> QuantizationGrid {
      var best = (grid: whole, error: Double.infinity)
      for fraction in Self.fractions {
        let grid = grid(fraction)
        let error = error(grid)
        if error < best.error { best = (grid, error) }
      }
      return best.grid
    }
    switch self {
    case .minMax: return whole
    case .percentile: return grid(histogram.fraction(holding: Self.share))
    case .squaredError: return least(histogram.squaredError)
    case .entropy: return least(histogram.divergence)
    }
  }
}

extension QuantizationGrid {
  /// The grid that reaches from `low`, 0 or less, to `high`, 0 or more: of int8 as far to both sides.
  init(low: Double, high: Double, _ element: Element) {
    let reach = element == .int8 ? max(-low, high) / 127 : (high - low) / 255
    // Where there is nothing but zeros any grid will do.
    let scale = reach > Double(Float.leastNormalMagnitude) ? reach : 1
    self.init(scale: scale, zeroPoint: element == .int8 ? 0 : Int((-low / scale).rounded()), element)
  }
}

extension ValueHistogram {
  /// The fraction of the range that holds so many of the numbers.
  fileprivate func fraction(holding share: Double) -> Double {
    let magnitudes = counts.indices.map { (size: abs(center($0)), count: counts[$0]) }.sorted { $0.size < $1.size }
    let wanted = share * counts.reduce(0, +)
    var held = 0.0
    for bin in magnitudes {
      held += bin.count
      if held >= wanted { return min(1, bin.size / max(-low, high)) }
    }
    return 1
  }

  fileprivate func squaredError(on grid: QuantizationGrid) -> Double {
    counts.indices.reduce(0) { sum, bin in
      let x = center(bin)
      let error = grid.rounded(x) - x
      return sum + counts[bin] * error * error
    }
  }

  /// KL(numbers, those that are cut put on the last of the grid ‖ numbers of the grid, spread evenly over where numbers
  /// were).
  fileprivate func divergence(on grid: QuantizationGrid) -> Double {
    let least = grid.scale * Double(grid.range.lowerBound - grid.zeroPoint) - grid.scale / 2
    let most = grid.scale * Double(grid.range.upperBound - grid.zeroPoint) + grid.scale / 2
    let inside = counts.indices.filter { center($0) >= least && center($0) <= most }
    guard let first = inside.first, let last = inside.last else { return .infinity }
    // Zeros are exact on every grid, and after a ReLU they are most of all.
    var counts = counts
    let zero = min(counts.count - 1, max(0, Int((-low / (high - low) * Double(counts.count)).rounded(.down))))
    let beside = [zero - 1, zero + 1].filter(counts.indices.contains).map { counts[$0] }
    counts[zero] = min(counts[zero], beside.max() ?? 0)
    var seen = counts
    seen[first] += counts[..<first].reduce(0, +)
    seen[last] += counts[(last + 1)...].reduce(0, +)
    var masses: [Double: (mass: Double, bins: Double)] = [:]
    let places = inside.map { grid.rounded(center($0)) }
    for (bin, place) in zip(inside, places) where counts[bin] > 0 {
      masses[place, default: (0, 0)].mass += counts[bin]
      masses[place, default: (0, 0)].bins += 1
    }
    let (total, kept) = (counts.reduce(0, +), inside.reduce(0) { $0 + counts[$1] })
    guard total > 0, kept > 0 else { return .infinity }
    return zip(inside, places).reduce(0) { sum, next in
      let (bin, place) = next
      guard seen[bin] > 0 else { return sum }
      let spread = counts[bin] > 0 ? masses[place].map { $0.mass / $0.bins } ?? 0 : 0
      // A bin that holds nothing but what was cut has no number of its own.
      let (p, q) = (seen[bin] / total, max(spread / kept, 1e-12))
      return sum + p * log(p / q)
    }
  }
}
