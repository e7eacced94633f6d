import Foundation
import Networks
import Torch

/// What a loss in one layer does to the network's outputs, for each layer.
///
/// Energies are local: a tenth of one layer's may change the classes and a tenth of another's nothing. Each layer alone
/// is cut to the rank that keeps a given share of its energy, and the change of the outputs is divided by what the plan
/// counts as that cut's loss, −log of what is kept. The quotients weigh the losses of the layers against each other:
/// squared errors of the outputs grow in proportion to the energy that is cut, as long as it is small. (The rank of
/// each layer by the error of the last features is FLAR-SVD's idea, 2025; it searches, this takes one measurement a
/// layer.)
public struct LayerEffects: Sendable {
  /// By the name of the layer; 1 on average, geometrically.
  public let weights: [String: Double]

  /// The share of its energy that each layer keeps while it is measured.
  static let kept = 0.96
  /// No layer counts for less or more than this times the average.
  static let bounds = 0.05...20.0

  /// - Parameters:
  ///   - network: the one that is to be cut.
  ///   - layers: those that may be cut.
  ///   - moments: what they read.
  ///   - images: N×C×H×W, some batches.
  ///   - progress: told after each layer.
  /// - Throws: `TorchError`, `NetworkError`, and what `progress` throws.
  init(
    of network: Network, _ layers: [MatrixLayer], _ moments: InputMoments, on images: [Tensor],
    progress: () throws -> Void
  ) throws {
    let given = try Self.outputs(network, images)
    var found: [String: Double] = [:]
    for layer in layers {
      try progress()
      guard let norm = moments.norm(of: layer, in: network, inputs: nil), !layer.isFactorized else { continue }
      let matrix = network.matrix(of: layer)
      let spectrum = try norm.components(of: matrix, as: .spatialFirst).spectrum
      let rank = spectrum.rank(keeping: Self.kept, .squares)
      let lost = -log(max(spectrum.energy(of: rank, .squares), .leastNormalMagnitude))
      guard lost > 1e-4, let weight = network.parameters[layer.weights[0]] else { continue }
      let factors = try Factorization(matrix, as: .spatialFirst, shape: layer.shape, rank: rank, in: norm)
      var cut = network
      cut.parameters[layer.weights[0]] = factors.truncated.reshaped(weight.shape).to(weight.dtype)
      let changed = try Self.outputs(cut, images)
      found[layer.name] = Self.change(given, changed) / lost
    }
    let logs = found.values.filter { $0 > 0 }.map { log($0) }
    let average = logs.isEmpty ? 0 : logs.reduce(0, +) / Double(logs.count)
    weights = found.mapValues { effect in
      min(Self.bounds.upperBound, max(Self.bounds.lowerBound, exp(log(max(effect, 1e-300)) - average)))
    }
  }

  /// The outputs for each batch, batch norms by the batch as after a cut, when they are measured again; dropout off.
  private static func outputs(_ network: Network, _ images: [Tensor]) throws -> [Tensor] {
    var probe = network
    probe.nodes = network.nodes.map { node in
      var node = node
      if node.operation is Dropout { node.operation = Dropout(0) }
      return node
    }
    let program = try Program(probe, .training)
    return withoutGradients {
      images.map { program.run($0, parameters: program.parameters, mode: .training).output.to(.float64) }
    }
  }

  /// The mean over batches of the squared change of the outputs, relative to their variance.
  private static func change(_ given: [Tensor], _ changed: [Tensor]) -> Double {
    zip(given, changed).map { given, changed in
      let count = Double(given.shape[0])
      let centred = given - given.sum(axes: [0], keepingAxes: true) / count
      let difference = given - changed
      return (difference * difference).sum.item / max((centred * centred).sum.item, 1e-300)
    }.reduce(0, +) / Double(max(1, given.count))
  }
}

extension Compressor {
  /// The same with the effects of the layers that it may cut, measured on batches of images.
  ///
  /// - Throws: `TorchError`, `NetworkError`, and what `advance` throws.
  public func weighing(
    _ network: Network, on images: [Tensor], begin: (Int) -> Void, advance: () throws -> Void
  ) throws -> Compressor {
    guard let moments else { return self }
    let leftOut = leftOut(of: network)
    let network = network.separatingParameters()
    let layers = network.matrixLayers.filter { $0.obstacle == nil && !leftOut.contains($0.name) }
    begin(layers.count)
    var result = self
    result.effects = try LayerEffects(of: network, layers, moments, on: images, progress: advance)
    return result
  }
}
