import Networks
import Torch

/// Analyses a network at every choice of widths that a plan tries.
struct Analyzer {
  private let network: Network
  private let compressor: Compressor
  private let leftOut: Set<String>
  private let groups: ChannelGroups
  /// ‖θ_n‖ of the units of each group, the strongest first.
  private let norms: [[Double]]
  private let contributions: UnitContributions?
  private let memory = CurveMemory()

  /// - Parameter network: one whose layers share no parameters.
  /// - Throws: `NetworkError` when the network is not valid.
  init(_ network: Network, _ compressor: Compressor) throws {
    self.network = network
    self.compressor = compressor
    leftOut = compressor.leftOut(of: network)
    groups = try ChannelGroups(of: network, removableBut: leftOut)
    norms = groups.all.map { $0.norms(network.parameters).sorted(by: >) }
    contributions = compressor.search.weighsUnits ? try UnitContributions(network, groups) : nil
  }

  /// How many groups units can go from.
  var groupCount: Int { groups.all.count }

  func analysis(at widths: Widths, _ fidelity: Analysis.Fidelity = .exact) throws -> Analysis {
    let settings = compressor.settings
    let narrowing = try Narrowing(
      of: network, groups, to: widths, minimumUnits: settings.minimumUnits, step: compressor.search.unitStep)
    var analysis = try Analysis(
      of: network, narrowed: narrowing.narrow, settings.decompositions.allowed,
      by: compressor.losses(of: network, narrowing), leavingOut: leftOut.contains, remembering: memory, fidelity)
    for index in analysis.layers.indices {
      analysis.layers[index].weight = compressor.effects?.weights[analysis.layers[index].name] ?? 1
    }
    for (index, group) in groups.all.enumerated() {
      let step = group.step(ofRows: compressor.search.unitStep)
      let kept = widths.kept(
        of: group.name, norms[index], atLeast: settings.minimumUnits, multipleOf: step)
      analysis.groups.append(
        Analysis.GroupWidth(name: group.name, norms: norms[index], kept: kept, step: step))
      analysis.widths[group.name] = widths == .share(1) ? group.count : kept
    }
    if let contributions {
      for (index, lost) in contributions.lost(with: narrowing.removable.channels).enumerated() {
        analysis.layers[index].unitLoss = lost
      }
    }
    if settings.isTimed {
      guard let clock = compressor.clock else { throw PlanError("a plan by time needs measured times") }
      try analysis.addTimes(of: network, narrowed: narrowing.narrow, by: clock)
    }
    return analysis
  }
}

extension Compressor {
  /// What layers of a narrowed network lose, as the settings and moments have it.
  func losses(of network: Network, _ narrowing: Narrowing) -> any LossModel {
    let weights: any LossModel = settings.isTimed ? NormalizedWeightEnergy() : WeightEnergy(measure: measure)
    guard let moments else { return weights }
    return ActivationEnergy(norm: { moments.norm(of: $0, in: narrowing, of: network) }, weights: weights)
  }
}

/// A network without the units that go.
struct Narrowing {
  /// The network with these units set to zero.
  let quiet: Network
  let narrow: Network
  let removable: RemovableChannels

  /// - Throws: `NetworkError` when the network is not valid.
  init(of network: Network, _ groups: ChannelGroups, to widths: Widths, minimumUnits: Int, step: Int = 1) throws {
    quiet = network.zeroingWeakest(of: groups, keeping: widths, atLeast: minimumUnits, multipleOf: step)
    removable = try RemovableChannels(in: quiet, minimumUnits: minimumUnits)
    narrow = try quiet.narrowed(removing: removable.channels, removable.coupling)
  }
}

extension InputMoments {
  /// What errors of a layer of the narrow network count; nil is the Frobenius norm of its matrix.
  func norm(of layer: MatrixLayer, in narrowing: Narrowing, of network: Network) -> ActivationNorm? {
    norm(of: layer, in: narrowing.narrow, inputs: narrowing.removable.inputs(of: layer, in: network))
  }
}

extension ChannelGroups {
  /// The groups that a plan may take units from.
  init(of network: Network, removableBut leftOut: Set<String>) throws {
    try self.init(
      of: network, norm: .scale, leavingOut: network.nodesWithoutGroups(leavingOut: leftOut).contains)
  }
}
