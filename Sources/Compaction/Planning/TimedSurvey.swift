import Networks

extension Survey {
  /// The network as it stands, with the times of its layers and of the pairs that they could become.
  ///
  /// - Parameter isLeftOut: layers that become no pairs.
  /// - Throws: `NetworkError`, `TorchError`, and what the clock throws.
  public init(timing network: Network, by clock: LayerClock, leavingOut isLeftOut: (String) -> Bool) throws {
    try self.init(of: network, narrowed: network, leavingOut: isLeftOut)
    try addCuts(Scheme.allCases, of: network, remembering: Decompositions())
    try addTimes(of: network, narrowed: network, by: clock)
  }

  /// Adds what each layer could become in these schemes.
  ///
  /// - Throws: `NetworkError`, or `TorchError` when a spectrum does not converge.
  mutating func addCuts(
    _ schemes: [Scheme], of narrowed: Network, remembering decompositions: Decompositions,
    in norm: (MatrixLayer) -> ResponseNorm? = { _ in nil }
  ) throws {
    let workloads = try narrowed.workloads()
    for (index, layer) in narrowed.matrixLayers.enumerated() where layers[index].obstacle == nil {
      layers[index].cuts = try decompositions.cuts(narrowed.decompositionKey(of: layer)) {
        try narrowed.cuts(of: layer, schemes, workloads, in: norm(layer), known: layers[index].spectrum)
      }
    }
  }

  /// Adds the times of both networks and of every pair that is a candidate.
  ///
  /// - Throws: `NetworkError`, and what the clock throws.
  mutating func addTimes(of network: Network, narrowed: Network, by clock: LayerClock) throws {
    let precision = clock.conditions.precision
    let (original, small) = (try network.workloads(precision), try narrowed.workloads(precision))
    let candidates = try narrowed.matrixLayers.enumerated().map { index, layer in
      try self.candidates(for: layers[index], layer, narrowed, small)
    }
    let all = network.nodes.compactMap { original[$0.name] } + narrowed.nodes.compactMap { small[$0.name] }
    // The smaller network is taken to be shared out as the given one is.
    let (conditions, rounds) = clock.conditions.shared(try network.batchShare())
    let times = try clock.times(conditions, all + candidates.joined().flatMap(\.pair)).scaled(by: rounds)
    func milliseconds(_ workloads: [Workload]) throws -> Double {
      guard let total = times.total(workloads) else {
        throw PlanError("the clock gave no time for \(times.missing(workloads)[0].key); please report this network")
      }
      return total
    }
    _ = try milliseconds(all)
    self.times = Times(
      conditions: clock.conditions,
      original: NetworkTime(network) { name in original[name].flatMap { times[$0] } ?? 0 },
      narrowed: NetworkTime(narrowed) { name in small[name].flatMap { times[$0] } ?? 0 })
    for (index, own) in candidates.enumerated() {
      layers[index].milliseconds = self.times?.narrowed.layers[layers[index].name]
      for candidate in own {
        let time = Cut.RankTime(rank: candidate.rank, milliseconds: try milliseconds(candidate.pair))
        layers[index].cuts[candidate.cut].times.append(time)
      }
    }
  }

  /// Pairs to be measured for a layer: in each scheme ranks up to where multiply-accumulates are no longer saved.
  private func candidates(
    for layer: Layer, _ matrix: MatrixLayer, _ network: Network, _ workloads: [String: Workload]
  ) throws -> [(cut: Int, rank: Int, pair: [Workload])] {
    guard let whole = network.wholeWorkload(of: matrix, workloads) else { return [] }
    let nodes = matrix.nodes.compactMap { workloads[$0] }
    let cost = Cost(parameters: layer.weights, macs: nodes.map(\.macs).reduce(0, +))
    let shape = matrix.shape
    return try layer.cuts.enumerated().flatMap { index, cut in
      try cut.ranksToMeasure(upTo: cut.largestRank(within: cost)).map { rank in
        (index, rank, try cut.scheme.workloads(of: whole, shape, rank: rank).passes)
      }
    }
  }
}
