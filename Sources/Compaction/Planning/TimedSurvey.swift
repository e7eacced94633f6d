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
    let instructions = try narrowed.shapedInstructions()
    for (index, layer) in narrowed.matrixLayers.enumerated() where layers[index].obstacle == nil {
      layers[index].cuts = try decompositions.cuts(narrowed.decompositionKey(of: layer)) {
        try narrowed.cuts(of: layer, schemes, instructions, in: norm(layer), known: layers[index].spectrum)
      }
    }
  }

  /// Adds the times of both networks and of every pair that is a candidate.
  ///
  /// - Throws: `NetworkError`, and what the clock throws.
  mutating func addTimes(of network: Network, narrowed: Network, by clock: LayerClock) throws {
    let precision = clock.conditions.precision
    let (original, small) = (try network.shapedInstructions(precision), try narrowed.shapedInstructions(precision))
    let candidates = try narrowed.matrixLayers.enumerated().map { index, layer in
      try self.candidates(for: layers[index], layer, narrowed, small)
    }
    let all = network.nodes.compactMap { original[$0.name] } + narrowed.nodes.compactMap { small[$0.name] }
    // Batches of the smaller network are taken to be cut as those of the given one are.
    let (conditions, rounds) = clock.conditions.divided(by: try network.batchChunks())
    let times = try clock.times(conditions, all + candidates.joined().flatMap(\.pair)).scaled(by: rounds)
    func milliseconds(_ instructions: [ShapedInstruction]) throws -> Double {
      guard let total = times.total(instructions) else {
        throw PlanError("the clock gave no time for \(times.missing(instructions)[0].key); please report this network")
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
    for layer: Layer, _ matrix: MatrixLayer, _ network: Network, _ instructions: [String: ShapedInstruction]
  ) throws -> [(cut: Int, rank: Int, pair: [ShapedInstruction])] {
    guard let whole = network.wholeInstruction(of: matrix, instructions) else { return [] }
    let nodes = matrix.nodes.compactMap { instructions[$0] }
    let cost = Cost(parameters: layer.weights, macs: nodes.map(\.macs).reduce(0, +))
    let shape = matrix.shape
    return try layer.cuts.enumerated().flatMap { index, cut in
      try cut.ranksToMeasure(upTo: cut.largestRank(within: cost)).map { rank in
        (index, rank, try cut.scheme.instructions(of: whole, shape, rank: rank).joined)
      }
    }
  }
}
