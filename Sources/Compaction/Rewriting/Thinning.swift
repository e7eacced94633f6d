import Networks

extension Network {
  /// The same architecture with `width` times the units of every layer and new random weights (`withNewWeights`); 1 is
  /// the network as it is.
  ///
  /// - Parameter seed: of the new weights.
  /// - Throws: `NetworkError` when the network is not valid, or an operation's sizes do not grow with its input.
  public func scaled(toWidth width: Double, seed: UInt64) throws -> Network {
    if width == 1 { return self }
    // Weights that were drawn for more inputs are too small for fewer.
    return width < 1 ? try thinned(to: width).withNewWeights(seed: seed) : try widened(by: width, seed: seed)
  }

  /// The largest width of at most `most` at which the architecture has at most so many parameters, to six digits; 0
  /// where even one unit in every layer is too much.
  ///
  /// - Throws: as `scaled`.
  public func width(withinParameters limit: Int, upTo most: Double = 1) throws -> Double {
    var (low, high) = (0.0, most)
    for _ in 0..<20 {
      let middle = (low + high) / 2
      let isSmallEnough = try scaled(toWidth: middle, seed: 0).cost().parameters <= limit
      (low, high) = isSmallEnough ? (middle, high) : (low, middle)
    }
    return low
  }

  /// The same architecture with a fraction of its units and their weights.
  ///
  /// Every channel group keeps its first channels, at least one, so any graph stays valid. Meant for networks that are
  /// not trained yet; of a trained one it cuts units without looking at them.
  ///
  /// - Parameter fraction: of the units of every layer, more than 0 and at most 1.
  /// - Throws: `NetworkError` when the network is not valid.
  public func thinned(to fraction: Double) throws -> Network {
    let coupling = try channelCoupling()
    var removed = Set<Channel>()
    for channels in try unitsOfGroups(coupling) {
      removed.formUnion(channels.dropFirst(max(1, Int((fraction * Double(channels.count)).rounded()))))
    }
    return try narrowed(removing: removed, coupling)
  }

  /// The same architecture with more units, and new random weights.
  ///
  /// What cannot be removed does not grow either: the inputs, the classes, the width of a transformer.
  ///
  /// - Parameters:
  ///   - factor: by which the units of every layer grow, 1 or more.
  ///   - seed: of the new weights.
  /// - Throws: `NetworkError` when the network is not valid, or an operation's sizes do not grow with its input.
  public func widened(by factor: Double, seed: UInt64) throws -> Network {
    let coupling = try channelCoupling()
    var copies: [Channel: Int] = [:]
    for channels in try unitsOfGroups(coupling) {
      let count = Int((factor * Double(channels.count)).rounded())
      for (place, channel) in channels.enumerated() {
        copies[channel] = count / channels.count + (place < count % channels.count ? 1 : 0)
      }
    }
    // Copies of a unit would learn the same.
    return try resized(coupling) { copies[$0] ?? 1 }.withNewWeights(seed: seed)
  }

  /// For each channel group the channels of its units, each once.
  private func unitsOfGroups(_ coupling: ChannelCoupling) throws -> [[Channel]] {
    let owners = Dictionary(
      coupling.axes.filter { $0.axis == 0 }.map { ($0.parameter, $0.channels) }, uniquingKeysWith: { first, _ in first }
    )
    return try ChannelGroups(of: self, leavingOut: { _ in false }).all.compactMap { group in
      guard let member = group.members.first, let channels = owners[member.parameter] else { return nil }
      var seen = Set<Channel>()
      return member.slices.joined().map { channels[$0] }.filter { seen.insert($0).inserted }
    }
  }
}
