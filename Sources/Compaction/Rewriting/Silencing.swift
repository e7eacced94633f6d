import Networks
import Torch

/// A network at every share of its units' norms that a plan may keep.
struct UnitCutter {
  private let network: Network
  private let clock: LayerClock?
  private let groups: UnitGroups
  private let planner: Planner
  private let leftOut: Set<String>

  /// - Throws: `NetworkError` when the network is not valid.
  init(_ network: Network, _ planner: Planner, clock: LayerClock?, leavingOut leftOut: Set<String>) throws {
    self.network = network
    self.clock = clock
    self.leftOut = leftOut
    self.planner = planner
    let nodes = network.nodesWithoutGroups(leavingOut: leftOut)
    groups = try UnitGroups(of: network, norm: .scale, leavingOut: nodes.contains)
  }

  /// The network with its weakest units set to zero, the same without its silent units, and which those are.
  func cut(keeping share: Double) throws -> (quiet: Network, narrow: Network, silent: SilentUnits) {
    let quiet = network.silencingWeakest(
      of: groups, keeping: share, atLeast: planner.minimumUnits, multipleOf: planner.unitStep)
    let silent = try SilentUnits(in: quiet, minimumUnits: planner.minimumUnits)
    return (quiet, try quiet.narrowed(removing: silent.channels, silent.ties), silent)
  }

  func survey(keeping share: Double) throws -> Survey {
    let cut = try cut(keeping: share)
    var survey = try Survey(of: network, narrowed: cut.narrow, leavingOut: leftOut.contains)
    if planner.isTimed || planner.schemes == .any { try survey.addCuts(planner.schemes.allowed, of: cut.narrow) }
    guard planner.isTimed else { return survey }
    guard let clock else { throw PlanError("a plan by time needs a clock") }
    survey.addUnitLosses(of: network, quiet: cut.quiet)
    try survey.addTimes(of: network, narrowed: cut.narrow, by: clock)
    return survey
  }
}

extension Network {
  /// Nodes whose outputs are no units: those of layers that are left out, and the first factors of pairs, whose
  /// outputs are ranks and fall to the spectrum of the product.
  func nodesWithoutGroups(leavingOut left: Set<String>) -> Set<String> {
    let layers = matrixLayers
    return Set(layers.filter { left.contains($0.name) }.flatMap(\.nodes))
      .union(layers.filter(\.isPair).map { $0.nodes[0] })
  }

  /// The network with its weakest units set to zero, so that they can be removed like those that training silenced.
  ///
  /// Of each family the strongest groups stay: the fewest that hold `share` of its Σ‖θ_n‖.
  ///
  /// - Parameters:
  ///   - groups: of this network.
  ///   - share: 0…1; at 1 nothing changes.
  ///   - minimum: how many units every family keeps at least.
  ///   - step: the next multiple of it is kept.
  func silencingWeakest(
    of groups: UnitGroups, keeping share: Double, atLeast minimum: Int, multipleOf step: Int = 1
  ) -> Network {
    guard share < 1 else { return self }
    var result = self
    for family in groups.families {
      let norms = family.norms(parameters)
      let strongestFirst = norms.indices.sorted { (norms[$0], $1) > (norms[$1], $0) }
      let wanted = share * norms.reduce(0, +)
      var (sum, kept) = (0.0, 0)
      for index in strongestFirst {
        guard sum < wanted || kept < max(1, minimum) else { break }
        sum += norms[index]
        kept += 1
      }
      kept = min(norms.count, (kept + step - 1) / step * step)
      var factors = [Double](repeating: 1, count: norms.count)
      for index in strongestFirst.dropFirst(kept) { factors[index] = 0 }
      result.parameters.merge(family.scaled(result.parameters, by: factors)) { _, new in new }
    }
    return result
  }
}
