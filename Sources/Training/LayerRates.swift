import Compaction
import Networks

/// Which layers a training changes, and at what part of the learning rate.
public struct LayerRates: Sendable, Codable, Equatable {
  /// Names of layers whose weights stay as they are; `*` stands for anything. The running statistics of batch norms
  /// follow the images all the same, as in PyTorch.
  public var frozen: [String] = []
  /// What the rate of all other layers than those of `new` is multiplied with.
  public var pretrainedScale = 1.0
  /// The layers that begin with random weights.
  public var new: [String] = []

  public init(frozen: [String] = [], pretrainedScale: Double = 1, new: [String] = []) {
    (self.frozen, self.pretrainedScale, self.new) = (frozen, pretrainedScale, new)
  }

  /// The part of the rate of every parameter that gradients change, by name; frozen ones are left out.
  func scales(in network: Network) -> [String: Double] {
    let (isFrozen, trainable) = (Pattern.any(of: frozen), Set(network.trainableNames))
    var result: [String: Double] = [:]
    for node in network.nodes {
      let scale = isFrozen(node.name) ? 0 : new.contains(node.name) ? 1 : pretrainedScale
      // What several layers share learns as the one that learns most.
      for name in node.parameters.values where trainable.contains(name) {
        result[name] = max(result[name] ?? 0, scale)
      }
    }
    return result.filter { $0.value > 0 }
  }

  /// - Throws: `RecipeError` when a pattern is the name of no layer with weights, or nothing would be trained.
  package func check(_ network: Network) throws {
    let names = network.nodes.filter { !$0.parameters.isEmpty }.map(\.name)
    if let misfit = Pattern.misfit(frozen, among: names, what: "layer with weights") {
      throw RecipeError("`freeze` \(misfit)")
    }
    guard frozen.isEmpty || !scales(in: network).isEmpty else {
      throw RecipeError("`freeze` names every layer with weights, so nothing would be trained; leave some out")
    }
  }
}
