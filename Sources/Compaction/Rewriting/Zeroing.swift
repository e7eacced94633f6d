import Networks
import Torch

extension Network {
  /// Nodes whose outputs are no units: those of layers that are left out, and all factors of a layer but the
  /// last, whose outputs are ranks and fall to the spectrum of the product.
  func nodesWithoutGroups(leavingOut left: Set<String>) -> Set<String> {
    let layers = matrixLayers
    return Set(layers.filter { left.contains($0.name) }.flatMap(\.nodes))
      .union(layers.flatMap { $0.nodes.dropLast() })
  }

  /// The network with its weakest units set to zero, so that they can be removed like those that training silenced.
  ///
  /// - Parameters:
  ///   - groups: of this network.
  ///   - widths: how many of each group stay, the strongest.
  ///   - minimum: how many units every group keeps at least.
  ///   - step: by share, the next multiple of so many rows is kept.
  func zeroingWeakest(
    of groups: ChannelGroups, keeping widths: Widths, atLeast minimum: Int, multipleOf step: Int = 1
  ) -> Network {
    if case .share(let share) = widths, share >= 1 { return self }
    var result = self
    for group in groups.all {
      let norms = group.norms(parameters)
      let strongestFirst = norms.indices.sorted { (norms[$0], $1) > (norms[$1], $0) }
      let kept = widths.kept(
        of: group.name, strongestFirst.map { norms[$0] }, atLeast: minimum,
        multipleOf: group.step(ofRows: step))
      guard kept < norms.count else { continue }
      var factors = [Double](repeating: 1, count: norms.count)
      for index in strongestFirst.dropFirst(kept) { factors[index] = 0 }
      result.parameters.merge(group.scaled(result.parameters, by: factors)) { _, new in new }
    }
    return result
  }
}
