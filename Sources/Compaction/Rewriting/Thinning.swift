import Networks

extension Network {
  /// The same architecture with a fraction of its units: what a small dense network is compared as.
  ///
  /// Every channel group keeps its first channels, at least one, so any graph stays valid. Meant for networks that are
  /// not trained yet; of a trained one it cuts units without looking at them.
  ///
  /// - Parameter fraction: of the units of every layer, more than 0 and at most 1.
  /// - Throws: `NetworkError` when the network is not valid.
  public func thinned(to fraction: Double) throws -> Network {
    let coupling = try channelCoupling()
    let owners = Dictionary(
      coupling.axes.filter { $0.axis == 0 }.map { ($0.parameter, $0.channels) }, uniquingKeysWith: { first, _ in first }
    )
    var removed = Set<Channel>()
    for group in try ChannelGroups(of: self, leavingOut: { _ in false }).all {
      guard let member = group.members.first, let channels = owners[member.parameter] else { continue }
      let kept = max(1, Int((fraction * Double(group.count)).rounded()))
      removed.formUnion(member.indices.dropFirst(kept).map { channels[$0] })
    }
    return try narrowed(removing: removed, coupling)
  }

  /// The widest thinned network of at most as many parameters.
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  public func thinned(toParameters limit: Int) throws -> Network {
    var (low, high) = (0.0, 1.0)
    var best = try thinned(to: 0)
    for _ in 0..<20 {
      let middle = (low + high) / 2
      let candidate = try thinned(to: middle)
      if try candidate.cost().parameters <= limit { (low, best) = (middle, candidate) } else { high = middle }
    }
    return best
  }
}
