import Compaction
import Datasets
import Networks
import Torch

extension StatisticsSample {
  /// What batch norms that are put back into a network are measured on.
  public static let forRestoring = StatisticsSample(batches: 20, batchSize: 64)
}

extension Network {
  /// The network with a batch norm behind every convolution that has no norm at all, which changes nothing yet.
  ///
  /// Exporters fold batch norms into the convolutions before them, and then nothing is left to measure again after a
  /// cut or to keep a training stable. With the statistics μ and σ² measured on training images, γ = √(σ² + ε) and β =
  /// μ, the function is the same, and can be trained and measured again. A pair of factors gets one behind its second.
  ///
  /// - Parameter sample: how many images, and how many at once.
  /// - Throws: `NetworkError` when the network is not valid, `DatasetError` when an image cannot be read.
  public func restoringBatchNorm(
    on data: Dataset, sample: StatisticsSample = .forRestoring, seed: UInt64, device: Device = .cpu,
    progress: (Int) throws -> Void = { _ in }
  ) throws -> Network {
    // Of an image, that is; a linear layer has no taps.
    let bare = matrixLayers.filter { $0.shape.count == 4 }.compactMap(\.nodes.last).filter { name in
      !readers(of: name).contains { $0.operation is any NormalizingOperation }
    }
    guard !bare.isEmpty else { return self }
    let norms = namesOfNorms(behind: bare)
    // They measure from aside, so that every layer sees what it always saw.
    let statistics = try insertingBatchNorm(norms, inLine: false).averagedStatistics(
      on: data, sample: sample, seed: seed, device: device, progress: progress)
    var result = insertingBatchNorm(norms, inLine: true)
    for (_, norm) in norms {
      guard let mean = statistics["\(norm).running_mean"], let variance = statistics["\(norm).running_var"] else {
        continue
      }
      result.parameters["\(norm).running_mean"] = mean
      result.parameters["\(norm).running_var"] = variance
      result.parameters["\(norm).weight"] = (variance.to(.float64) + BatchNorm().epsilon).squareRoot.to(.float32)
      result.parameters["\(norm).bias"] = mean
    }
    try result.validate()
    return result
  }

  /// A name for the norm behind each of these layers that no node or parameter has.
  private func namesOfNorms(behind layers: [String]) -> [(layer: String, norm: String)] {
    let taken = Set(nodes.map(\.name) + parameters.keys)
    return layers.map { layer in
      let usual = "\(layer)_bn"
      func isFree(_ name: String) -> Bool { !taken.contains { $0 == name || $0.hasPrefix("\(name).") } }
      let number = isFree(usual) ? nil : (2...).first { isFree("\(usual)\($0)") }
      return (layer, number.map { "\(usual)\($0)" } ?? usual)
    }
  }

  private func insertingBatchNorm(_ norms: [(layer: String, norm: String)], inLine: Bool) -> Network {
    var result = self
    for (name, norm) in norms {
      let units = self[name].flatMap { parameter(.weight, of: $0) }?.shape[0] ?? 0
      let roles: [(Role, Tensor)] = [
        (.weight, .ones([units])), (.bias, .zeros([units])), (.runningMean, .zeros([units])),
        (.runningVariance, .ones([units])),
      ]
      var names: [Role: String] = [:]
      for (role, tensor) in roles {
        names[role] = "\(norm).\(role.rawValue)"
        result.parameters["\(norm).\(role.rawValue)"] = tensor
      }
      if inLine {
        for index in result.nodes.indices {
          result.nodes[index].inputs = result.nodes[index].inputs.map { $0 == name ? norm : $0 }
        }
        if result.output == name { result.output = norm }
      }
      guard let position = result.nodes.firstIndex(where: { $0.name == name }) else { continue }
      result.nodes.insert(
        Node(name: norm, operation: BatchNorm(), inputs: [name], parameters: names), at: position + 1)
    }
    return result
  }
}
