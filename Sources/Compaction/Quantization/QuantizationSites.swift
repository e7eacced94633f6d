import Networks

/// Where a network is quantised: which of its values, and the weights of which layers.
struct QuantizationSites {
  /// Names of the values, each behind those that it is made of.
  private(set) var values: [String] = []
  /// Of values that are only moved, the name of the value whose grid they have.
  private(set) var sources: [String: String] = [:]
  /// Names of the layers.
  private(set) var layers: [String] = []
  /// Layers that stay in float32, and why.
  private(set) var left: [(layer: String, reason: String)] = []

  /// - Parameter isLeftOut: told a layer's name.
  init(of network: Network, leavingOut isLeftOut: (String) -> Bool) {
    let constants = network.constantValues
    var computing = Set<String>()
    for node in network.nodes {
      let isLayer = node.operation is any WeightedOperation
      guard case .computes = node.operation.quantizationRule, !constants.contains(node.name) else {
        if isLayer, node.operation.quantizationRule == .float { left.append((node.name, "computed in float32")) }
        continue
      }
      if isLayer, isLeftOut(node.name) {
        left.append((node.name, "left out"))
      } else if isLayer || !node.inputs.contains(where: constants.contains) {
        computing.insert(node.name)
        if isLayer { layers.append(node.name) }
      }
    }
    let feeding = network.feeding(computing)
    var chosen = Set<String>()
    for name in [Network.inputName] + network.nodes.map(\.name)
    where name != network.output && !constants.contains(name) {
      let readers = network.readers(of: name)
      // What is cut at zero next is rounded there.
      if readers.count == 1, readers[0].operation.quantizationRule == .saturates, let maker = network[name],
        computing.contains(maker.name)
      {
        continue
      }
      let source = network[name].flatMap { $0.operation.quantizationRule == .moves ? $0.inputs[0] : nil }
      let isMoved = source.map(chosen.contains) ?? false
      guard isMoved || feeding.contains(name) || network.isMade(name, by: computing, chosen) else { continue }
      chosen.insert(name)
      values.append(name)
      if isMoved { sources[name] = source }
    }
  }
}

extension Network {
  /// Values that one of the nodes reads, if only after they were moved.
  fileprivate func feeding(_ computing: Set<String>) -> Set<String> {
    nodes.reversed().reduce(into: []) { found, node in
      guard computing.contains(node.name) || node.operation.quantizationRule == .moves && found.contains(node.name)
      else { return }
      found.formUnion(node.inputs)
    }
  }

  /// Whether one of the nodes makes the value and cannot give it in float32, a cut at zero behind it included.
  fileprivate func isMade(_ name: String, by computing: Set<String>, _ chosen: Set<String>) -> Bool {
    guard var maker = self[name] else { return false }
    if maker.operation.quantizationRule == .saturates, let source = self[maker.inputs[0]],
      !chosen.contains(source.name)
    {
      maker = source
    }
    return computing.contains(maker.name)
      && maker.operation.quantizationRule == .computes(resultMayBeFloat: false)
  }
}
