import Networks

extension Analysis {
  /// The network as it stands, with the times of its layers and of the factors that they could become.
  ///
  /// - Parameter isLeftOut: layers that stay as they are.
  /// - Throws: `NetworkError`, `TorchError`, and what the clock throws.
  public init(timing network: Network, by clock: LayerClock, leavingOut isLeftOut: (String) -> Bool) throws {
    try self.init(
      of: network, narrowed: network, Scheme.allCases, by: NormalizedWeightEnergy(), leavingOut: isLeftOut)
    try addTimes(of: network, narrowed: network, by: clock)
  }

  /// Adds the times of both networks and of all factors that are candidates.
  ///
  /// - Throws: `NetworkError`, and what the clock throws.
  mutating func addTimes(of network: Network, narrowed: Network, by clock: LayerClock) throws {
    let precision = clock.conditions.precision
    let (original, small) = (try network.workloads(precision), try narrowed.workloads(precision))
    let factors = try narrowed.matrixLayers.enumerated().map { index, layer in
      try self.factorsToMeasure(layers[index], layer, narrowed, small)
    }
    let all = network.nodes.compactMap { original[$0.name] } + narrowed.nodes.compactMap { small[$0.name] }
    // The smaller network is taken to be shared out as the given one is.
    let (conditions, rounds) = clock.conditions.shared(try network.batchShare())
    let times = try clock.times(conditions, all + factors.joined().flatMap(\.pair)).scaled(by: rounds)
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
    for (index, own) in factors.enumerated() {
      layers[index].milliseconds = self.times?.narrowed.layers[layers[index].name]
      for measured in own {
        let time = RankCurve.RankTime(rank: measured.rank, milliseconds: try milliseconds(measured.pair))
        layers[index].curves[measured.curve].times.append(time)
      }
    }
  }

  /// In each decomposition ranks up to where multiply-accumulates are no longer saved.
  private func factorsToMeasure(
    _ layer: Layer, _ matrix: MatrixLayer, _ network: Network, _ workloads: [String: Workload]
  ) throws -> [(curve: Int, rank: Int, pair: [Workload])] {
    guard layer.obstacle == nil, let whole = network.wholeWorkload(of: matrix, workloads) else { return [] }
    let nodes = matrix.nodes.compactMap { workloads[$0] }
    let cost = Cost(parameters: layer.weights, macs: nodes.map(\.macs).reduce(0, +))
    let shape = network.wholeShape(of: matrix)
    return try layer.curves.enumerated().flatMap { index, curve in
      try curve.ranksToMeasure(upTo: curve.largestRank(within: cost)).map { rank in
        (index, rank, try curve.decomposition.workloads(of: whole, shape, rank: rank).passes)
      }
    }
  }
}

extension Network {
  /// The layer as one node, which a pair no longer is.
  fileprivate func wholeWorkload(of layer: MatrixLayer, _ workloads: [String: Workload]) -> Workload? {
    guard let last = layer.nodes.last.flatMap({ workloads[$0] }),
      let first = layer.isPair ? last.before.first ?? workloads[layer.nodes[0]] : last
    else { return nil }
    var own = [Role.weight: wholeShape(of: layer)]
    own[.bias] = last.parameters[.bias]
    let inputs = first.inputs.prefix(1) + last.inputs.dropFirst()
    return Workload(first.operation, inputs: Array(inputs), parameters: own, fusion: last.fusion)
  }
}
