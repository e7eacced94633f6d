import Compaction
import Datasets
import Interchange
import Networks
import Torch

/// A quantised network with what became of it.
public struct Quantized: Sendable {
  /// Its batch norms are in the layers before them.
  public var model: Model
  /// The way that was taken, and all that were tried.
  public var best: Trial
  public var trials: [Trial]
  public var layers: [QuantizedLayer]
  /// `dense` and `quantized`, on the images everything is selected on.
  public var stages: [CompressionStage]
  /// How many images ranges were measured on.
  public var images: Int

  /// One way to ranges.
  public struct Trial: Sendable, Encodable {
    public var ranges: RangeEstimator
    /// Whether channels between layers were scaled.
    public var isEqualized: Bool
    /// How far the classes' probabilities are from those before: the mean Kullback–Leibler divergence.
    public var divergence: Double
    var network: Network

    enum CodingKeys: CodingKey { case ranges, isEqualized, divergence }
  }
}

/// From a network to the same in 8 bits, by the ranges of its values for training images.
public struct Quantization {
  public var settings: QuantizationSettings
  /// How many training images ranges are measured on.
  public var images = 512
  public var seed: UInt64
  /// Where images are run through networks.
  public var device = Device.cpu
  public var parts = PartProgress()

  /// Fewer images say too little of ranges.
  private static let fewestImages = 10
  private static let batchSize = 32

  public init(_ settings: QuantizationSettings = QuantizationSettings(), seed: UInt64 = 0) {
    (self.settings, self.seed) = (settings, seed)
  }

  /// - Throws: `QuantizationError` when there are too few images, or nothing that can be quantised, `DatasetError`,
  ///   `NetworkError`.
  public func quantize(_ model: Model, on data: Dataset) throws -> Quantized {
    let count = min(images, data.train.count)
    guard count >= Self.fewestImages else {
      throw QuantizationError(
        "ranges would be measured on \(count) images, expected \(Self.fewestImages) or more; give more training images")
    }
    guard !model.network.isQuantized else {
      throw QuantizationError("the network is quantised already; give the one that it was made of")
    }
    var shuffled = BatchLoader.Options.training(data, batchSize: Self.batchSize, seed: seed, epoch: 0)
    shuffled.augmentation = .none
    let batches = try batches(data.train, shuffled, count)
    // Held out, so that ranges are not judged by the images that they fit.
    let judges = try self.batches(data.selection, .evaluation(data, batchSize: Self.batchSize), count / 2)
    var quantizer = try measured(Quantizer(model.network, settings, on: device), on: batches, "measuring ranges")
    let ways = settings.ranges.map { [$0] } ?? RangeEstimator.allCases
    parts.begin("comparing outputs", (ways.count + 1) * judges.imageCount, "images")
    let reference = try outputs(quantizer.folded, judges)
    var trials = try ways.map { try trial(quantizer, $0, isEqualized: false, judges, reference) }
    var best = trials.least
    if let equalized = try quantizer.equalized() {
      let other = try measured(equalized, on: batches, "measuring equalised ranges")
      parts.begin("comparing outputs", judges.imageCount, "images")
      trials.append(try trial(other, best.ranges, isEqualized: true, judges, reference))
      best = trials.least
      if best.isEqualized { quantizer = other }
    }
    var result = Quantized(
      model: model, best: best, trials: trials, layers: try quantizer.layers(of: best.network, on: judges[0]),
      stages: [], images: count)
    result.model.network = best.network
    result.model.interface.weightType = .float32
    result.stages = [try stage("dense", model.network, data), try stage("quantized", best.network, data)]
    return result
  }

  private func measured(_ quantizer: Quantizer, on batches: [Tensor], _ title: String) throws -> Quantizer {
    var quantizer = quantizer
    parts.begin(title, 2 * batches.imageCount, "images")
    for pass in [Quantizer.Pass.ranges, .counts] {
      for batch in batches {
        quantizer.add(batch, pass)
        try parts.advance(batch.shape[0])
      }
    }
    return quantizer
  }

  private func trial(
    _ quantizer: Quantizer, _ ranges: RangeEstimator, isEqualized: Bool, _ images: [Tensor], _ reference: [Tensor]
  ) throws -> Quantized.Trial {
    let network = try quantizer.network(by: ranges)
    let divergences = try zip(outputs(network, images), reference).map { $0.divergence(from: $1).item }
    return Quantized.Trial(
      ranges: ranges, isEqualized: isEqualized,
      divergence: divergences.reduce(0, +) / Double(max(1, divergences.count)), network: network)
  }

  private func outputs(_ network: Network, _ batches: [Tensor]) throws -> [Tensor] {
    let program = try Program(network.placed(on: device), .training)
    return try batches.map { batch in
      try parts.advance(batch.shape[0])
      return program(batch)
    }
  }

  private func batches(_ source: any ImageSource, _ loading: BatchLoader.Options, _ count: Int) throws -> [Tensor] {
    var result: [Tensor] = []
    let loader = BatchLoader(source, loading)
    while result.count * Self.batchSize < count, let batch = try loader.next() {
      result.append(batch.tensors(on: device).images.clone)
    }
    return result
  }

  private func stage(_ name: String, _ network: Network, _ data: Dataset) throws -> CompressionStage {
    let source = data.selection
    parts.begin("evaluating the \(name) network", source.count, "images")
    let accuracy = try network.accuracy(on: source, of: data, device: device, progress: parts.advance)
    return CompressionStage(name: name, accuracy: accuracy)
  }
}

extension [Tensor] {
  fileprivate var imageCount: Int { map { $0.shape[0] }.reduce(0, +) }
}

extension [Quantized.Trial] {
  /// The one that changes the outputs least.
  fileprivate var least: Quantized.Trial {
    guard let found = self.min(by: { $0.divergence < $1.divergence }) else {
      preconditionFailure("at least one way to ranges is tried")
    }
    return found
  }
}
