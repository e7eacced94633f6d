import Architectures
import Compaction
import Networks
import Torch

/// The architectures, of few units.
enum SampleNetworks {
  /// Networks with statistics that matter, dense and compact.
  static func all() throws -> [String: Network] {
    let dense: [String: Network] = [
      "lenet5": try .lenet5(input: [1, 28, 28], classes: 10, seed: 1),
      "dec3": try .dec3(input: [3, 32, 32], classes: 7, seed: 1),
      "resnet20": try Catalogue.resnet20.network(input: [3, 32, 32], classes: 10, seed: 1),
      "resnet18": try Catalogue.resnet18.network(input: [3, 32, 32], classes: 10, seed: 1).thinned(to: 0.25),
      "resnet50": try Catalogue.resnet50.network(input: [3, 32, 32], classes: 10, seed: 1).thinned(to: 0.125),
      "vgg16_bn": try Catalogue.vgg16BatchNorm.network(input: [3, 32, 32], classes: 10, seed: 1).thinned(to: 0.125),
      "dec8": try Catalogue.dec8.network(input: [3, 64, 64], classes: 10, seed: 1).thinned(to: 0.25),
    ].mapValues(withRandomBatchNorm)
    var all = dense
    for (name, network) in dense {
      all["\(name)-compact"] =
        try Compressor(PlanSettings(target: .parameters(0.5), units: .weakest)).compact(network).network
    }
    return all
  }

  static func withRandomBatchNorm(_ network: Network) -> Network {
    var result = network
    let generator = Generator(seed: 4)
    for node in network.nodes where node.operation is BatchNorm {
      for (role, name) in node.parameters.sorted(by: { $0.key < $1.key }) {
        let shape = network.parameters[name]?.shape ?? []
        let isPositive = role == .weight || role == .runningVariance
        result.parameters[name] =
          isPositive ? .uniform(shape, in: 0.5...1.5, using: generator) : .normal(shape, using: generator) * 0.1
      }
    }
    return result
  }
}
