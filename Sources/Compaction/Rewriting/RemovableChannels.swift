import Networks
import Torch

/// Which channels of a network can go without changing what it computes.
///
/// Two analyses meet: coupling says what is indexed together, values say what a channel carries. A channel may go when
/// every layer that reads it sees zero there, or a constant that can move into that layer's bias; a convolution that
/// pads with zeros can take only zero.
public struct RemovableChannels: Sendable {
  /// Channels (representatives) that can go.
  public private(set) var channels: Set<Channel>
  public let coupling: ChannelCoupling

  /// - Parameters:
  ///   - network: the network to look at.
  ///   - minimumUnits: how many units every layer keeps at least; the strongest of those that could go stay.
  /// - Throws: `NetworkError` when the network is not valid.
  public init(in network: Network, minimumUnits: Int = 1) throws {
    coupling = try network.channelCoupling()
    let frozen = coupling.frozen
    let axes = coupling.axes
    var candidates = Set(axes.filter { $0.role == .unit && $0.axis == 0 }.flatMap(\.channels)).subtracting(frozen)
    let values = try network.carriedValues()
    for node in network.nodes {
      candidates.subtract(Self.needed(by: node, in: network, coupling, values))
    }
    channels = candidates
    keepStrongest(axes.filter { $0.role == .unit && $0.axis == 0 }, minimumUnits, network)
    keepOneOfEachValue(network)
  }

  /// The places along an axis of a parameter, of `count`, whose channels stay.
  func kept(_ parameter: String, axis: Int, count: Int) -> [Int] {
    guard let owned = coupling.axes.first(where: { $0.parameter == parameter && $0.axis == axis }) else {
      return Array(0..<count)
    }
    return owned.channels.indices.filter { !channels.contains(owned.channels[$0]) }
  }

  /// The inputs of a layer that stay; nil where all do.
  ///
  /// - Parameter network: the one that these are the removable units of.
  func inputs(of layer: MatrixLayer, in network: Network) -> [Int]? {
    guard let name = layer.weights.first, let shape = network.parameters[name]?.shape else { return nil }
    let inputs = kept(name, axis: 1, count: shape[1])
    return inputs.count < shape[1] ? inputs : nil
  }

  /// The channels that `node` reads and cannot do without.
  private static func needed(
    by node: Node, in network: Network, _ coupling: ChannelCoupling, _ values: CarriedValues
  ) -> Set<Channel> {
    // A grouped convolution loses whole groups, which are coupled with the units they make.
    guard let layer = node.operation as? any WeightedOperation, layer.groups == 1 else { return [] }
    let takesConstants = !layer.padsWithZeros
    let carried = values.read[node.name]?.first ?? []
    let read = coupling.read[node.name]?.first ?? []
    var needed = Set<Channel>()
    for (channel, value) in zip(read, carried) {
      switch value {
      case .constant(0): continue
      case .constant(let number) where takesConstants && number.isFinite: continue
      case .constant, .varying: needed.insert(coupling.representative(channel))
      }
    }
    return needed
  }

  /// A slice may hold removable channels alone, though the layer that makes them has others.
  private mutating func keepOneOfEachValue(_ network: Network) {
    for node in network.nodes {
      let made = (coupling.channels[node.name] ?? []).map(coupling.representative)
      if let first = made.first, made.allSatisfy(channels.contains) { channels.remove(first) }
    }
  }

  private mutating func keepStrongest(_ axes: [OwnedAxis], _ minimum: Int, _ network: Network) {
    for axis in axes {
      let active = axis.channels.filter { !channels.contains($0) }.count
      let missing = min(max(1, minimum), axis.channels.count) - active
      guard missing > 0, let weight = network.parameters[axis.parameter] else { continue }
      let rows = weight.to(.float64).reshaped([weight.shape[0], -1])
      let norms = (rows * rows).sum(axes: [1]).doubles
      let removable = axis.channels.indices.filter { channels.contains(axis.channels[$0]) }
      for index in removable.sorted(by: { (norms[$0], $1) > (norms[$1], $0) }).prefix(missing) {
        channels.remove(axis.channels[index])
      }
    }
  }
}
