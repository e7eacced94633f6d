import Torch

/// How much of a matrix its largest singular values hold.
public enum EnergyMeasure: String, Sendable, Codable, CaseIterable {
  /// Σσ, the paper's.
  case sum
  /// Σσ², the squared Frobenius norm.
  case squares

  public func callAsFunction(_ sigma: Double) -> Double { self == .sum ? sigma : sigma * sigma }
}

/// The singular values of a matrix that is stored in float32, descending, computed in float64.
public struct Spectrum: Sendable, Codable, Equatable {
  public var values: [Double]
  public var rows: Int
  public var columns: Int

  public init(values: [Double], rows: Int, columns: Int) {
    self.values = values
    self.rows = rows
    self.columns = columns
  }

  /// From the eigenvalues of the float64 Gram matrix, ten times faster than an SVD: values under about 1e-8·σ₁ are
  /// noise, far under what rounding to float32 leaves.
  ///
  /// - Throws: `TorchError` when the decomposition does not converge, as on NaN.
  public init(of matrix: Tensor) throws {
    let wide = matrix.to(.float64)
    let (rows, columns) = (wide.shape[0], wide.shape[1])
    let gram = rows <= columns ? wide.matmul(wide.transposed) : wide.transposed.matmul(wide)
    let lambda: [Double] = try gram.symmetricEigenvalues().values()
    self.init(values: lambda.reversed().map { max(0, $0).squareRoot() }, rows: rows, columns: columns)
  }

  /// The number of σ > max(S, N)·ε₃₂·σ₁: what is below is rounding of the stored weights.
  public var rank: Int {
    let floor = Double(max(rows, columns)) * Double(Float.ulpOfOne) * (values.max() ?? 0)
    // Singular values fall; what ranks of a Tucker decomposition take need not.
    return values.lastIndex { $0 > floor }.map { $0 + 1 } ?? 0
  }

  public var mean: Double { values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count) }

  /// The share of the energy that the `rank` largest values hold.
  public func energy(of rank: Int, _ measure: EnergyMeasure) -> Double {
    let total = values.prefix(self.rank).map(measure.callAsFunction).reduce(0, +)
    return total == 0 ? 1 : min(1, values.prefix(rank).map(measure.callAsFunction).reduce(0, +) / total)
  }

  /// The smallest r whose share of the energy reaches `share`; 1 means all of the rank.
  public func rank(keeping share: Double, _ measure: EnergyMeasure) -> Int {
    let full = rank
    guard share < 1 else { return full }
    let wanted = share * values.prefix(full).map(measure.callAsFunction).reduce(0, +)
    var sum = 0.0
    for (index, sigma) in values.prefix(full).enumerated() {
      sum += measure(sigma)
      if sum >= wanted { return index + 1 }
    }
    return full
  }

  /// The share of the energy that is lost at each rank from 0.
  func losses(_ measure: EnergyMeasure) -> [Double] {
    let total = values.prefix(rank).map(measure.callAsFunction).reduce(0, +)
    guard total > 0 else { return Array(repeating: 0, count: values.count + 1) }
    var kept = 0.0
    return [1]
      + values.map { sigma in
        kept += measure(sigma)
        return 1 - min(1, kept / total)
      }
  }

  /// ‖W − W_r‖_F = √(Σ_{i>r} σᵢ²).
  public func error(of rank: Int) -> Double {
    values.dropFirst(rank).map { $0 * $0 }.reduce(0, +).squareRoot()
  }
}

extension [Double] {
  /// What stands behind the first r, for r from 0, relative to the sum of all.
  var tailShares: [Double] {
    var sums = [0.0]
    for value in reversed() { sums.append(sums[sums.count - 1] + value) }
    let total = sums[sums.count - 1]
    return sums.reversed().map { total > 0 ? $0 / total : 0 }
  }
}
