import Networks
import Torch

/// One parameter's part in a channel group: `slices[k]` along axis 0 belong to unit k.
public struct GroupMember: Sendable {
  public var parameter: String
  /// Mostly one for each unit; several in grouped convolutions and for heads of attention.
  public var slices: [[Int]]
  /// Whether it is only carried: it is neither in the norm nor shrunk, but zero when the unit is.
  public var isCarried = false
}

/// What the norm of a unit is taken over.
public enum GroupLassoNorm: String, Sendable, Codable, CaseIterable {
  /// Everything that makes, scales and shifts the channel.
  case whole
  /// γ and β alone where a batch norm follows, since the function does not depend on the norm of the rows before it;
  /// the rows are carried. Everything elsewhere.
  case scale
}

/// Coupled channels, each of them a unit: a group of the group lasso, with everything that makes, scales and shifts it.
///
/// What becomes zero together is a unit: for every member of the channel group the producing rows with their biases
/// and the batch norms' γ and β. The slices of later weights that read the channel are not in it.
public struct ChannelGroup: Sendable {
  /// The names of the layers that make the units, joined by "+"; unique in a network.
  public var name: String
  /// The layers that make the units.
  public var makers: [String]
  public var members: [GroupMember]
  public var count: Int

  /// How many units have that many rows of a parameter, as one head has many.
  func step(ofRows rows: Int) -> Int {
    let own = max(1, members.compactMap { $0.slices.first?.count }.max() ?? 1)
    return (rows + own - 1) / own
  }

  /// ‖θ_n‖₂ for each unit n.
  public func norms(_ parameters: [String: Tensor]) -> [Double] {
    var squares = [Double](repeating: 0, count: count)
    for member in members where !member.isCarried {
      guard let each = parameters[member.parameter]?.squaredSlices else { continue }
      for (unit, slices) in member.slices.enumerated() { for slice in slices { squares[unit] += each[slice] } }
    }
    return squares.map { $0.squareRoot() }
  }

  /// Each unit's slices multiplied by its factor; what is carried stays, or becomes zero with the unit.
  public func scaled(_ parameters: [String: Tensor], by factors: [Double]) -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    let allLive = factors.allSatisfy { $0 != 0 }
    for member in members {
      guard let tensor = parameters[member.parameter] else { continue }
      if member.isCarried, allLive {
        result[member.parameter] = tensor
        continue
      }
      var each = [Double](repeating: 1, count: tensor.shape[0])
      for (unit, slices) in member.slices.enumerated() {
        for slice in slices { each[slice] = member.isCarried && factors[unit] != 0 ? 1 : factors[unit] }
      }
      let column = Tensor(each, shape: [each.count] + Array(repeating: 1, count: tensor.shape.count - 1))
      result[member.parameter] = tensor * column.to(tensor.dtype).to(tensor.device)
    }
    return result
  }

  /// S(θ, s) = sign(θ)·(|θ| − s)₊ for every element of the units; what is carried stays.
  ///
  /// Followed by `GroupThresholding` it is the proximal operator of the sparse group lasso (Alvarez & Salzmann 2016,
  /// eq. 5).
  public func softThresholded(_ parameters: [String: Tensor], by s: Double) -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for member in members where !member.isCarried {
      guard let tensor = parameters[member.parameter] else { continue }
      let soft = (tensor - s).positivePart - (tensor * -1 - s).positivePart
      let mask = tensor.mask(slices: member.slices.flatMap(\.self))
      result[member.parameter] = soft * mask + tensor * (mask * -1 + 1)
    }
    return result
  }

  /// P: how many scalars one unit has.
  public func size(_ parameters: [String: Tensor]) -> Int {
    guard count > 0 else { return 0 }
    return members.filter { !$0.isCarried }.map { member in
      let shape = parameters[member.parameter]?.shape ?? []
      return shape.dropFirst().reduce(1, *) * member.slices.map(\.count).reduce(0, +) / count
    }.reduce(0, +)
  }
}

/// The channel groups of a network, derived from its coupled channels.
public struct ChannelGroups: Sendable {
  public var all: [ChannelGroup]

  /// - Parameters:
  ///   - network: any valid network.
  ///   - norm: what the norm of a unit is taken over.
  ///   - isLeftOut: layers that are not to lose units; a channel group is left out when all that make it are.
  /// - Throws: `NetworkError` when the network is not valid.
  public init(of network: Network, norm: GroupLassoNorm = .whole, leavingOut isLeftOut: (String) -> Bool) throws {
    let coupling = try network.channelCoupling()
    let frozen = coupling.frozen
    var slices: [Channel: [(parameter: String, index: Int, role: SliceRole)]] = [:]
    // Two nodes that share a parameter own the same axis twice; its slices are in the unit once.
    var seen = Set<String>()
    for axis in coupling.axes where axis.axis == 0 && (axis.role == .unit || axis.role == .follower) {
      guard seen.insert(axis.parameter).inserted else { continue }
      for (index, channel) in axis.channels.enumerated() {
        slices[channel, default: []].append((axis.parameter, index, axis.role))
      }
    }
    var byMake: [[String]: [Channel]] = [:]
    for (channel, own) in slices where !frozen.contains(channel) {
      let makers = own.filter { $0.role == .unit }.map { Self.layer($0.parameter) }
      if makers.isEmpty || makers.allSatisfy(isLeftOut) { continue }
      byMake[own.map(\.parameter), default: []].append(channel)
    }
    // The second factor of a pair stands for the layer it came from, so that a group keeps its name.
    let layers = Dictionary(
      network.matrixLayers.flatMap { layer in layer.nodes.map { ($0, layer.name) } }, uniquingKeysWith: { $1 })
    all = byMake.map { make, channels in
      Self.group(make, channels.sorted(), slices, norm) { layers[$0] ?? $0 }
    }.sorted { $0.name < $1.name }
    // Slices of one layer can go different ways and make several groups.
    for index in all.indices.dropFirst()
    where all[..<index].contains(where: { $0.name == all[index].name }) {
      all[index].name += "#\(index)"
    }
  }

  private static func group(
    _ make: [String], _ channels: [Channel],
    _ slices: [Channel: [(parameter: String, index: Int, role: SliceRole)]], _ norm: GroupLassoNorm,
    named name: (String) -> String
  ) -> ChannelGroup {
    let roles = channels.first.flatMap { slices[$0] }?.map(\.role) ?? []
    let carriesUnits = norm == .scale && roles.contains(.follower)
    var members: [GroupMember] = []
    for (position, parameter) in make.enumerated() where !make[..<position].contains(parameter) {
      members.append(
        GroupMember(
          parameter: parameter,
          slices: channels.map { (slices[$0] ?? []).filter { $0.parameter == parameter }.map(\.index) },
          isCarried: carriesUnits && roles[position] == .unit))
    }
    var makers: [String] = []
    for channel in channels.prefix(1) {
      for slice in slices[channel] ?? [] where slice.role == .unit {
        let maker = name(layer(slice.parameter))
        if !makers.contains(maker) { makers.append(maker) }
      }
    }
    return ChannelGroup(name: makers.joined(separator: "+"), makers: makers, members: members, count: channels.count)
  }

  /// "layer1.0.conv1.weight" → "layer1.0.conv1".
  static func layer(_ parameter: String) -> String {
    parameter.split(separator: ".").dropLast().joined(separator: ".")
  }
}

extension Tensor {
  /// ‖slice‖₂² of every slice along axis 0; of a vector, such as γ, without an operation for each step.
  fileprivate var squaredSlices: [Double] {
    if shape.count == 1 { return doubles.map { $0 * $0 } }
    let rows = to(.float64).reshaped([shape[0], -1])
    return (rows * rows).sum(axes: [1]).doubles
  }

  /// 1 for the given slices along axis 0 and 0 elsewhere, to be multiplied with self.
  fileprivate func mask(slices: [Int]) -> Tensor {
    var each = [Double](repeating: 0, count: shape[0])
    for index in slices { each[index] = 1 }
    return Tensor(each, shape: [each.count] + Array(repeating: 1, count: shape.count - 1)).to(dtype).to(device)
  }
}
