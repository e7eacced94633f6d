import Networks

/// Which forms of a layer are worth trying, and what each costs of what a target limits.
protocol CostModel {
  /// The dense form first, then every form that costs less.
  ///
  /// Costs are two numbers that are summed over layers: parameters and multiply-accumulates, or nanoseconds and
  /// nothing.
  func costs(of layer: Analysis.Layer) -> [(form: Form, cost: SIMD2<Int>)]
}

/// Parameters and multiply-accumulates, counted.
struct CountedCost: CostModel {
  /// What the network may cost; `.max` limits nothing. A form is worth trying if it saves something that is limited.
  var limits: SIMD2<Int>
  var minimumRank: Int

  func costs(of layer: Analysis.Layer) -> [(form: Form, cost: SIMD2<Int>)] {
    let dense = SIMD2(layer.weights, layer.weights * layer.positions)
    var all: [(form: Form, cost: SIMD2<Int>)] = [(.dense, dense)]
    guard layer.obstacle == nil else { return all }
    for curve in layer.curves {
      let least = min(max(1, minimumRank), curve.spectrum.values.count)
      for rank in stride(from: least, through: curve.spectrum.rank, by: 1) {
        let cost = curve.costs[rank].size
        if saves(cost, over: dense) { all.append((.lowRank(curve.decomposition, rank: rank), cost)) }
      }
    }
    return all
  }

  private func saves(_ cost: SIMD2<Int>, over other: SIMD2<Int>) -> Bool {
    (limits.x < .max && cost.x < other.x) || (limits.y < .max && cost.y < other.y)
  }
}

/// Nanoseconds, measured: ranks that the hardware likes, where the factors are faster by more than the clock can err.
struct MeasuredTime: CostModel {
  var minimumRank: Int

  /// Factors have to take less than this part of the layer's time.
  static let sureGain = 0.97

  func costs(of layer: Analysis.Layer) -> [(form: Form, cost: SIMD2<Int>)] {
    let own = layer.milliseconds ?? 0
    var all: [(form: Form, cost: SIMD2<Int>)] = [(.dense, [own.nanoseconds, 0])]
    guard layer.obstacle == nil else { return all }
    for curve in layer.curves {
      for time in curve.timedRanks where time.rank >= minimumRank && time.milliseconds < Self.sureGain * own {
        all.append((.lowRank(curve.decomposition, rank: time.rank), [time.milliseconds.nanoseconds, 0]))
      }
    }
    return all
  }
}

extension Double {
  /// Milliseconds as whole nanoseconds, which costs are counted in.
  var nanoseconds: Int { Int((self * 1e6).rounded()) }
}
