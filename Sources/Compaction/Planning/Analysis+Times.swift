import Networks

extension Analysis {
  /// The network as it stands, with the times of its layers and of the factors that they could become.
  ///
  /// - Parameter isLeftOut: layers that stay as they are.
  /// - Throws: `NetworkError`, `TorchError`, and what the clock throws.
  public init(timing network: Network, by clock: LayerClock, leavingOut isLeftOut: (String) -> Bool) throws {
    try self.init(
      of: network, narrowed: network, Decomposition.allCases, by: NormalizedWeightEnergy(), leavingOut: isLeftOut)
    try addTimes(of: network, narrowed: network, by: clock)
  }

  /// Adds the times of both networks and of all factors that are candidates.
  ///
  /// - Throws: `NetworkError`, and what the clock throws.
  mutating func addTimes(of network: Network, narrowed: Network, by clock: LayerClock) throws {
    let precision = clock.conditions.precision
    let (original, small) = (try network.shapedInstructions(precision), try narrowed.shapedInstructions(precision))
    let factors = try narrowed.matrixLayers.enumerated().map { index, layer in
      try self.factorsToMeasure(layers[index], layer, narrowed, small, clock)
    }
    let all = network.nodes.compactMap { original[$0.name] } + narrowed.nodes.compactMap { small[$0.name] }
    // The smaller network is taken to be shared out as the given one is.
    let (conditions, rounds) = try clock.conditions(of: network)
    let times = try clock.times(conditions, all + factors.joined().flatMap(\.instructions)).scaled(by: rounds)
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
    for (index, own) in factors.enumerated() {
      layers[index].milliseconds = self.times?.narrowed.layers[layers[index].name]
      for measured in own {
        let time = RankCurve.RankTime(rank: measured.rank, milliseconds: try milliseconds(measured.instructions))
        layers[index].curves[measured.curve].times.append(time)
      }
    }
  }

  /// In each decomposition ranks up to where multiply-accumulates are no longer saved.
  private func factorsToMeasure(
    _ layer: Layer, _ matrix: MatrixLayer, _ network: Network,
    _ instructions: [String: ShapedInstruction], _ clock: LayerClock
  ) throws -> [(curve: Int, rank: Int, instructions: [ShapedInstruction])] {
    guard layer.obstacle == nil, let whole = network.wholeInstruction(of: matrix, instructions) else { return [] }
    let nodes = matrix.nodes.compactMap { instructions[$0] }
    let cost = Cost(parameters: layer.weights, macs: nodes.map(\.macs).reduce(0, +))
    return try layer.curves.enumerated().flatMap { index, curve in
      try curve.ranksToMeasure(upTo: curve.largestRank(within: cost)).map { rank in
        (index, rank, clock.joined(try curve.decomposition.instructions(of: whole, matrix.shape, rank: rank)))
      }
    }
  }
}

extension Network {
  /// The layer as one instruction, which factors may no longer be.
  fileprivate func wholeInstruction(
    of layer: MatrixLayer, _ instructions: [String: ShapedInstruction]
  ) -> ShapedInstruction? {
    guard let last = layer.nodes.last.flatMap({ instructions[$0] }) else { return nil }
    // Of factors that run as one, the first has no instruction of its own.
    let first = instructions[layer.nodes[0]] ?? last
    var own = [Role.weight: layer.shape]
    own[.bias] = last.parameters.last?[.bias]
    let inputs = first.inputs.prefix(1) + last.inputs.dropFirst()
    return ShapedInstruction(
      last.operation.factor(first.operation.operations[0], isLast: true), inputs: Array(inputs), parameters: [own])
  }
}
