import Networks
import Torch

/// Directions of units and inputs that serve a Tucker decomposition at every rank: at rank r the first r of each.
///
/// They make the error of all ranks at once known, where alternating least squares have to be solved for each. What
/// `TuckerFactors` finds is no worse: on the layers of a pretrained ResNet-20 its squared error is 2 to 5 % smaller.
struct TuckerBases {
  private let kernel: MeasuredKernel
  /// Directions of the inputs, one a row.
  let inputs: Tensor
  /// N × N, directions of the units as columns.
  let units: Tensor
  /// What is between a direction of the units and one of the inputs: N × C × taps.
  let core: Tensor

  /// - Throws: `TorchError` when a decomposition fails, as on NaN.
  init(of kernel: MeasuredKernel) throws {
    self.kernel = kernel
    let directions = try kernel.inputDirections()
    let first = try FirstFactor(
      directions.slice(axis: 0, from: 0, to: Self.channels(of: kernel)), of: kernel)
    inputs = first.weight
    let given = first.activations
    units = try given.matmul(given.transposed).descendingEigenvectors()
    core = units.transposed.matmul(given).reshaped([kernel.units, inputs.shape[0], kernel.taps])
  }

  /// How many directions of the inputs are looked at: by activations as many as leave half of the weights. A plan hardly
  /// takes more, and the work grows with their cube.
  private static func channels(of kernel: MeasuredKernel) -> Int {
    guard kernel.second != nil else { return kernel.inputs }
    let whole = kernel.shape.reduce(1, *)
    let small = (1...kernel.inputs).prefix { rank in
      let shapes = Decomposition.tucker.shapes(of: kernel.shape, ranks: [rank, min(rank, kernel.units)])
      return 2 * shapes.map { $0.reduce(1, *) }.reduce(0, +) <= whole
    }
    return max(1, small.count)
  }

  /// What each unit of rank takes from the squared error, as the squares of its values.
  ///
  /// `error(of:)` is an upper bound of what is left at a rank; behind the ranks that are looked at it falls in a straight
  /// line.
  var spectrum: Spectrum {
    let whole = kernel.energy
    let ranks = Decomposition.tucker.fullRank(of: kernel.shape)
    let known = Self.channels(of: kernel) < kernel.inputs ? inputs.shape[0] : ranks
    let kept = (core * core).sum(axes: [2]).leadingSums(upTo: known)
    var steps = zip(kept.dropFirst(), kept).map { max(0, $0 - $1) }
    let rest = max(0, whole - (kept.last ?? 0))
    steps += Array(repeating: rest / Double(max(1, ranks - known)), count: ranks - known)
    return Spectrum(
      values: steps.map { $0.squareRoot() }, rows: kernel.units, columns: kernel.inputs * kernel.taps)
  }

  /// The share that is lost at every rank from 0, where the bases are those of the Frobenius norm.
  ///
  /// Of Σσ it is 1 − e_u·e_c, with e_u and e_c the shares of the unfoldings of units and of inputs that the first r hold,
  /// so that it is a pair's where the other side has all its channels. Of Σσ² it is the spectrum's.
  func losses(_ measure: EnergyMeasure) -> [Double] {
    guard measure == .sum else { return spectrum.losses(.squares) }
    let squares = (core * core).sum(axes: [2])
    func shares(summing axis: Int) -> [Double] { squares.sum(axes: [axis]).squareRoot.doubles.tailShares }
    let (units, inputs) = (shares(summing: 1), shares(summing: 0))
    return (0...Decomposition.tucker.fullRank(of: kernel.shape)).map { rank in
      1 - (1 - units[min(rank, units.count - 1)]) * (1 - inputs[min(rank, inputs.count - 1)])
    }
  }

  /// ‖D·(W − W_r)‖²/‖D·W‖² for every rank r from 0, never rising, where the bases are those of the Frobenius norm.
  ///
  /// ‖D·(W − W_r)‖² = ‖D·W‖² − 2⟨D²·W, W_r⟩ + ‖D·W_r‖², with W_r = U_r·P_r·V_r: the second is a sum over the leading part
  /// of UᵀD²W·Vᵀ and P, the third over that of UᵀD²U and P·Pᵀ.
  ///
  /// - Parameter scale: D, of each unit.
  func losses(scaledBy scale: [Double]) -> [Double] {
    let squares = Tensor(scale.map { $0 * $0 }, shape: [scale.count, 1])
    let (count, channels) = (kernel.units, inputs.shape[0])
    let metric = units.transposed.matmul(squares * units)
    let flat = core.reshaped([count, -1])
    let crossed = (metric.matmul(flat) * flat).reshaped([count, channels, -1]).sum(axes: [2])
    let ranks = Decomposition.tucker.fullRank(of: kernel.shape)
    let products = crossed.leadingSums(upTo: ranks)
    let whole = max(crossed.sum.item, .leastNormalMagnitude)
    var gram = Tensor.zeros([count, count], dtype: .float64)
    var losses = [1.0]
    for rank in 1...ranks {
      if rank <= channels {
        let channel = core.slice(axis: 1, from: rank - 1, to: rank).reshaped([count, -1])
        gram = gram + channel.matmul(channel.transposed)
      }
      let side = min(rank, count)
      let own = (metric * gram).slice(axis: 0, from: 0, to: side).slice(axis: 1, from: 0, to: side).sum.item
      losses.append(min(losses[rank - 1], max(0, (whole - 2 * products[rank] + own) / whole)))
    }
    return losses
  }
}

extension Tensor {
  /// For r from 0 to `count` the sum of the first r rows' first r elements, or of as many as there are.
  fileprivate func leadingSums(upTo count: Int) -> [Double] {
    let (rows, columns) = (shape[0], shape[1])
    let values = doubles
    var sums = [0.0]
    for rank in 0..<count {
      let row = rank < rows ? (0..<min(rank + 1, columns)).reduce(0) { $0 + values[rank * columns + $1] } : 0
      let column = rank < columns ? (0..<min(rank, rows)).reduce(0) { $0 + values[$1 * columns + rank] } : 0
      sums.append(sums[rank] + row + column)
    }
    return sums
  }
}
