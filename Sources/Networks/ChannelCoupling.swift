import Torch

/// A channel of one value in the network; coupled channels are the same one.
public typealias Channel = Int

/// What a slice of a parameter is to the channel it is indexed by.
public enum SliceRole: Sendable, Hashable {
  /// It makes the channel: a row of a weight, an element of its bias.
  case unit
  /// It scales or shifts the channel: γ and β of a batch norm.
  case follower
  /// It describes the channel: a running mean or variance, the slope of a PReLU.
  case statistic
  /// It reads the channel: an input slice of a later weight.
  case reader
}

/// One axis of a parameter whose every index belongs to a channel.
public struct OwnedAxis: Sendable {
  public var parameter: String
  public var axis: Int
  public var role: SliceRole
  /// The channel of each index, with coupled channels replaced by their representative.
  public var channels: [Channel]
}

/// Which indices of which parameters live and die together, derived from the graph.
///
/// Channels are elements of a union-find structure: convolutions and linear layers make new ones, most operations pass
/// them on, additions couple those of their operands. A parameter read by two nodes couples what it is indexed by in
/// both.
public struct ChannelCoupling: Sendable {
  private var parents: [Channel] = []
  private var frozenMembers: Set<Channel> = []
  private var owned: [OwnedAxis] = []

  /// The channels of each node's value, by the node's name (and of the input, by `Network.inputName`).
  public private(set) var channels: [String: [Channel]] = [:]
  /// The axes that the rules of each node go by, by the node's name.
  public private(set) var rules: [String: ChannelAxes] = [:]
  /// Channels that are split along several axes.
  private var splits: [(channels: [Channel], sizes: [Int], picked: Int?)] = []
  /// What the rules of each node see of its inputs' channels, by the node's name.
  public private(set) var read: [String: [[Channel]]] = [:]

  /// Axes of parameters with their channels, in execution order.
  public var axes: [OwnedAxis] {
    owned.map { axis in
      var resolved = axis
      resolved.channels = axis.channels.map(representative)
      return resolved
    }
  }

  /// Representatives of channels that must stay: the network's input and output, and what no rule is known for.
  public var frozen: Set<Channel> { Set(frozenMembers.map(representative)) }

  /// The one channel that stands for all that are coupled with `channel`.
  public func representative(_ channel: Channel) -> Channel {
    var current = channel
    while parents[current] != current { current = parents[current] }
    return current
  }
}

// MARK: What coupling rules say

extension ChannelCoupling {
  public mutating func makeChannels(_ count: Int) -> [Channel] {
    let made = Array(parents.count..<parents.count + count)
    parents += made
    return made
  }

  public mutating func makeFrozenChannels(_ count: Int) -> [Channel] {
    let made = makeChannels(count)
    freeze(made)
    return made
  }

  public mutating func freeze(_ channels: some Sequence<Channel>) { frozenMembers.formUnion(channels) }

  /// Couples channel i of one list to channel i of the other.
  public mutating func couple(_ a: [Channel], _ b: [Channel]) {
    for (x, y) in zip(a, b) { join(x, y) }
  }

  /// Couples all of `channels` into one.
  public mutating func couple(_ channels: some Collection<Channel>) {
    guard let first = channels.first else { return }
    for other in channels.dropFirst() { join(first, other) }
  }

  /// Says that what these channels carry must not become zero: a divisor, which is not zero with what it divides.
  ///
  /// What is stored stays as it is when units go, and only loses their slices. Units that divide are left to
  /// `Network.channelCoupling`, which looks what becomes of zero.
  public mutating func keepValues(of channels: [Channel]) {
    let own = Set(channels.map(representative))
    func meets(_ axis: OwnedAxis) -> Bool { axis.channels.contains { own.contains(representative($0)) } }
    guard !owned.contains(where: { $0.role == .unit && meets($0) }) else { return }
    for index in owned.indices where owned[index].role == .follower && meets(owned[index]) {
      owned[index].role = .statistic
    }
  }

  /// Says that channels are split along axes of these sizes, whose slices can only go whole.
  ///
  /// - Parameter picked: the one of these axes some of whose indices are picked by number, so that all have to stay.
  public mutating func split(_ channels: [Channel], _ sizes: [Int], picking picked: Int? = nil) {
    splits.append((channels, sizes, picked))
  }

  /// Freezes split channels that do not go by whole slices along one axis.
  fileprivate mutating func freezeRaggedSplits() {
    for (channels, sizes, picked) in splits {
      let axis = ChannelGrid(sizes).onlyAxis(of: channels.map(representative))
      if axis == nil || axis == picked { freeze(channels) }
    }
  }

  private mutating func join(_ a: Channel, _ b: Channel) {
    let (x, y) = (representative(a), representative(b))
    // The earlier channel stands for both, so that numbering follows the network.
    parents[max(x, y)] = min(x, y)
  }

  /// Says that index i along `axis` of `parameter` belongs to channel i.
  public mutating func own(_ parameter: String?, axis: Int, _ channels: [Channel], as role: SliceRole) {
    guard let parameter else { return }
    for other in owned where other.parameter == parameter && other.axis == axis { couple(other.channels, channels) }
    owned.append(OwnedAxis(parameter: parameter, axis: axis, role: role, channels: channels))
  }
}

/// What a coupling rule sees of the node it is asked about.
public struct ChannelSite {
  public var inputs: [[Channel]]
  public var inputShapes: [[Int]]
  public var outputShape: [Int]
  public var axes: ChannelAxes
  public var parameters: [Role: String]

  /// How many channels the result has.
  public var count: Int { axes.output.map { outputShape[$0] }.reduce(1, *) }

  /// The sizes of the axes along which an input has its channels.
  func sizes(_ input: Int) -> [Int] { axes.inputs[input].map { inputShapes[input][$0] } }
}

extension Network {
  /// Derives the coupled channels of the whole network.
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  public func channelCoupling() throws -> ChannelCoupling {
    let shapes = try validate()
    var coupling = ChannelCoupling()
    coupling.remember(coupling.makeFrozenChannels(inputShape[0]), of: Network.inputName)
    let layout = ChannelLayout(of: self, shapes)
    coupling.adopt(layout)
    for node in nodes {
      let inputs = layout.read(by: node, of: coupling.channels, shapes) { channels, count in
        coupling.freeze(channels)
        return coupling.makeFrozenChannels(count)
      }
      coupling.remember(inputs, readBy: node.name)
      let site = ChannelSite(
        inputs: inputs, inputShapes: node.inputs.map { shapes[$0] ?? [] }, outputShape: shapes[node.name] ?? [],
        axes: layout.rules[node.name] ?? .kept([[0]]), parameters: node.parameters)
      coupling.remember(node.operation.channels(of: site, &coupling), of: node.name)
    }
    coupling.freezeRaggedSplits()
    coupling.freeze(coupling.channels[output] ?? [])
    freezeWhatZeroBreaks(&coupling, shapes)
    return coupling
  }

  /// Freezes channels that would carry no finite number if all that makes and scales them were zero, as units that are
  /// divided by one another: a unit goes by becoming zero.
  private func freezeWhatZeroBreaks(_ coupling: inout ChannelCoupling, _ shapes: [String: [Int]]) {
    guard nodes.contains(where: { $0.operation.isUndefinedAtZero }) else { return }
    let frozen = coupling.frozen
    var zeroed = self
    for axis in coupling.axes where axis.axis == 0 && (axis.role == .unit || axis.role == .follower) {
      guard let tensor = zeroed.parameters[axis.parameter] else { continue }
      let stays = axis.channels.map { frozen.contains($0) ? 1.0 : 0 }
      let column = Tensor(stays, shape: [stays.count] + tensor.shape.dropFirst().map { _ in 1 })
      zeroed.parameters[axis.parameter] = tensor * column.to(tensor.dtype)
    }
    for (name, values) in zeroed.carriedValues(shapes).made {
      guard let channels = coupling.channels[name] else { continue }
      coupling.freeze(
        zip(channels, values).compactMap { channel, value in
          if case .constant(let number) = value, !number.isFinite { channel } else { nil }
        })
    }
  }
}

extension ChannelCoupling {
  fileprivate mutating func adopt(_ layout: ChannelLayout) { rules = layout.rules }
  fileprivate mutating func remember(_ list: [Channel], of value: String) { channels[value] = list }
  fileprivate mutating func remember(_ lists: [[Channel]], readBy node: String) { read[node] = lists }
}
