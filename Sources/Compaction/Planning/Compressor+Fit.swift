import Networks

extension Compressor {
  /// A plan from a file, possibly edited, as it is for this network.
  ///
  /// The forms and units of its layers hold; costs, losses and errors are computed anew. Times are not measured again,
  /// so none are predicted.
  ///
  /// - Throws: `PlanError` when the plan is for another network, or a layer cannot take its form or its units,
  ///   `NetworkError`, `TorchError`.
  public func fitted(_ plan: Plan, to network: Network) throws -> Plan {
    let network = network.separatingParameters()
    try plan.checkLayers(of: network)
    guard plan.activationImages == nil || moments != nil else {
      throw PlanError("the plan was made by the activations for \(plan.activationImages ?? 0) images; it needs images")
    }
    let groups = try ChannelGroups(of: network, removableBut: Set(plan.leftOut))
    let (narrowing, widths) = try plan.narrowing(of: network, groups)
    var compressor = self
    compressor.settings = PlanSettings(
      target: .energy(plan.energy), measure: plan.energyMeasure, minimumUnits: plan.minimumUnits)
    var analysis = try Analysis(
      of: network, narrowed: narrowing.narrow, Decomposition.allCases, by: compressor.losses(of: network, narrowing))
    analysis.widths = widths
    let choices = try zip(analysis.layers, plan.layers).map { try $1.choice(for: $0, in: narrowing.narrow) }
    let share =
      groups.all.map { group in
        let norms = group.norms(network.parameters).sorted(by: >)
        return Analysis.GroupWidth(name: group.name, norms: norms, kept: widths[group.name] ?? group.count).share
      }.min() ?? 1
    var result = compressor.plan(for: analysis, choices, energy: 0, unitShare: share)
    result.energy = result.layers.map(\.energy).min() ?? 1
    (result.activationImages, result.leftOut) = (moments?.images, plan.leftOut)
    return result
  }
}

extension Plan {
  /// - Throws: `PlanError` when the network's layers are others than the plan's.
  fileprivate func checkLayers(of network: Network) throws {
    let units = Dictionary(
      network.matrixLayers.map { ($0.name, $0.units) }, uniquingKeysWith: { first, _ in first })
    for layer in layers {
      guard let own = units[layer.name] else {
        throw PlanError("the plan has a layer \(layer.name), which the network has not; make a plan of this network")
      }
      guard own == layer.unitsBefore else {
        throw PlanError(
          """
          the plan is of another network, whose layer \(layer.name) has \(layer.unitsBefore) units, not \(own); make a \
          plan of this network
          """)
      }
    }
    let names = network.matrixLayers.map(\.name)
    guard layers.map(\.name) == names else {
      let missing = names.first { name in !layers.contains { $0.name == name } }
      throw PlanError(
        missing.map { "the plan has no layer \($0), which the network has; make a plan of this network" }
          ?? "the plan has its layers in another order than the network; put them into that of the network")
    }
    let cost = try network.cost()
    guard cost.size == original.size else {
      throw PlanError(
        """
        the plan is of a network of \(original.parameters) parameters and \(original.macs) MACs, this one has \
        \(cost.parameters) and \(cost.macs); make a plan of this network
        """)
    }
  }

  /// The network with the plan's units, and how many each channel group keeps: the plan's own widths, moved until every
  /// layer has the units that the plan says.
  ///
  /// - Throws: `PlanError` when there are no such widths.
  fileprivate func narrowing(
    of network: Network, _ groups: ChannelGroups
  ) throws -> (narrowing: Narrowing, widths: [String: Int]) {
    var widths = widths
    // Units that become removable when others are removed may take several rounds.
    for _ in 0..<8 {
      let narrowing = try Narrowing(of: network, groups, to: .counts(widths), minimumUnits: minimumUnits)
      let found = narrowing.narrow.matrixLayers.map(\.units)
      let missing = Dictionary(
        zip(layers, found).map { ($0.name, $0.units - $1) }, uniquingKeysWith: { first, _ in first })
      guard let first = layers.first(where: { missing[$0.name] != 0 }) else { return (narrowing, widths) }
      let old = widths
      for (name, change) in try widthChanges(missing, groups) where change != 0 {
        let count = groups.all.first { $0.name == name }?.count ?? 0
        widths[name] = min(count, (widths[name] ?? count) + change)
      }
      guard widths != old else {
        throw PlanError(
          """
          layer \(first.name) is to keep \(first.units) units, but \(missing[first.name] ?? 0) of them carry nothing \
          and go; expected at most \(first.units - (missing[first.name] ?? 0))
          """)
      }
    }
    throw PlanError("no widths give every layer the units that the plan says; make a plan of this network")
  }

  /// By how much the width of each channel group has to change, from the layers that make its units.
  ///
  /// A layer's units may be in several groups: what is known of all but one of them tells the last.
  ///
  /// - Parameter missing: how many units each layer is to have more than it has.
  private func widthChanges(_ missing: [String: Int], _ groups: ChannelGroups) throws -> [String: Int] {
    var changes: [String: Int] = [:]
    func own(_ layer: Layer) -> [ChannelGroup] { groups.all.filter { $0.makers.contains(layer.name) } }
    func sum(_ groups: [ChannelGroup]) -> Int { groups.compactMap { changes[$0.name] }.reduce(0, +) }
    var known = -1
    while known < changes.count {
      known = changes.count
      for layer in layers {
        let own = own(layer)
        let open = own.filter { changes[$0.name] == nil }
        if open.count == 1 { changes[open[0].name] = (missing[layer.name] ?? 0) - sum(own) }
      }
    }
    for layer in layers {
      let more = missing[layer.name] ?? 0
      try checkUnits(of: layer, expecting: layer.units - more, own(layer), fits: sum(own(layer)) == more)
    }
    return changes
  }

  private func checkUnits(
    of layer: Layer, expecting units: Int, _ groups: [ChannelGroup], fits: Bool
  ) throws {
    let range = max(1, min(minimumUnits, layer.unitsBefore))...layer.unitsBefore
    guard range.contains(layer.units) else {
      throw PlanError(
        "layer \(layer.name) is to keep \(layer.units) units, expected \(range.lowerBound) to \(range.upperBound)")
    }
    guard !fits else { return }
    guard !groups.isEmpty else {
      throw PlanError("the units of layer \(layer.name) cannot go: it is to keep \(layer.units), expected \(units)")
    }
    let others = Set(groups.flatMap(\.makers)).subtracting([layer.name]).sorted()
    throw PlanError(
      """
      layer \(layer.name) is to keep \(layer.units) units, but shares them with \(others.joined(separator: ", ")); \
      change the units of all of these alike
      """)
  }
}

extension Plan.Layer {
  /// - Throws: `PlanError` when the layer cannot take this form.
  fileprivate func choice(for layer: Analysis.Layer, in network: Network) throws -> Plan.Choice {
    guard case .lowRank(let decomposition, let rank) = form else {
      return .dense(layer.obstacle ?? reason ?? .edited)
    }
    if let obstacle = layer.obstacle {
      throw PlanError("layer \(name) is to have rank \(rank), but cannot be factorised: \(obstacle)")
    }
    guard let curve = layer.curve(of: decomposition) else {
      let possible = layer.curves.map(\.decomposition.name).joined(separator: " or ")
      throw PlanError("layer \(name) is to be factorised as \(decomposition.name), expected \(possible)")
    }
    let largest = min(curve.spectrum.values.count, layer.factorizedRank ?? .max)
    guard (1...largest).contains(rank) else {
      throw PlanError("layer \(name) is to have rank \(rank), expected 1 to \(largest)")
    }
    return Plan.Choice(form: form)
  }
}
