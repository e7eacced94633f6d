import Networks
import Torch

/// A network with fewer of its units, for every choice of units that a plan may try.
struct UnitCutter {
  private let network: Network
  private let clock: LayerClock?
  private let groups: UnitGroups
  private let planner: Planner
  private let leftOut: Set<String>
  private let decompositions = Decompositions()
  private let contributions: UnitContributions?
  private let moments: InputMoments?

  /// - Throws: `NetworkError` when the network is not valid.
  init(
    _ network: Network, _ planner: Planner, clock: LayerClock?, moments: InputMoments?, leavingOut leftOut: Set<String>
  ) throws {
    self.moments = moments
    self.network = network
    self.clock = clock
    self.leftOut = leftOut
    self.planner = planner
    let nodes = network.nodesWithoutGroups(leavingOut: leftOut)
    groups = try UnitGroups(of: network, norm: .scale, leavingOut: nodes.contains)
    contributions = planner.weighsUnits ? try UnitContributions(network, groups) : nil
  }

  /// How many ties units can go from.
  var ties: Int { groups.families.count }

  /// The network with its weakest units set to zero, the same without its silent units, and which those are.
  func cut(keeping choice: UnitChoice) throws -> (quiet: Network, narrow: Network, silent: SilentUnits) {
    let quiet = network.silencingWeakest(
      of: groups, keeping: choice, atLeast: planner.minimumUnits, multipleOf: planner.unitStep)
    let silent = try SilentUnits(in: quiet, minimumUnits: planner.minimumUnits)
    return (quiet, try quiet.narrowed(removing: silent.channels, silent.ties), silent)
  }

  /// What errors of a layer of the narrowed network count; nil is the Frobenius norm of its matrix.
  func norm(of layer: MatrixLayer, in narrow: Network, without silent: SilentUnits) -> ResponseNorm? {
    moments?.norm(of: layer, in: narrow, inputs: silent.inputs(of: layer, in: network))
  }

  func survey(keeping choice: UnitChoice) throws -> Survey {
    let cut = try cut(keeping: choice)
    let norm = { self.norm(of: $0, in: cut.narrow, without: cut.silent) }
    var survey = try Survey(
      of: network, narrowed: cut.narrow, leavingOut: leftOut.contains, remembering: decompositions, in: norm)
    if planner.isTimed || planner.schemes == .any {
      try survey.addCuts(planner.schemes.allowed, of: cut.narrow, remembering: decompositions, in: norm)
    }
    guard let contributions else { return survey }
    for (index, lost) in contributions.lost(with: cut.silent.channels).enumerated() {
      survey.layers[index].unitLoss = lost
    }
    survey.families = groups.families.map { family in
      let norms = family.norms(network.parameters).sorted(by: >)
      let kept = choice.kept(
        of: family.name, norms, atLeast: planner.minimumUnits, multipleOf: planner.unitStep)
      return Survey.Family(name: family.name, norms: norms, kept: kept)
    }
    guard planner.isTimed else { return survey }
    guard let clock else { throw PlanError("a plan by time needs a clock") }
    try survey.addTimes(of: network, narrowed: cut.narrow, by: clock)
    return survey
  }
}

/// Decompositions of earlier surveys of the same network: from one to the next most layers stay what they were.
final class Decompositions {
  /// A layer by all that its decompositions depend on.
  struct Key: Hashable {
    var layer: String
    var shape: [Int]
    /// Of the matrix and the scale behind it.
    var values: Int
  }

  private var spectra: [Key: Spectrum] = [:]
  private var cuts: [Key: [Cut]] = [:]

  func spectrum(_ key: Key, _ make: () throws -> Spectrum) rethrows -> Spectrum {
    if let known = spectra[key] { return known }
    let made = try make()
    spectra[key] = made
    return made
  }

  func cuts(_ key: Key, _ make: () throws -> [Cut]) rethrows -> [Cut] {
    if let known = cuts[key] { return known }
    let made = try make()
    cuts[key] = made
    return made
  }
}

extension Network {
  func decompositionKey(of layer: MatrixLayer) -> Decompositions.Key {
    var hasher = Hasher()
    hasher.combine(matrix(of: layer).doubles)
    hasher.combine(scale(behind: layer))
    return Decompositions.Key(layer: layer.name, shape: layer.shape, values: hasher.finalize())
  }
}
