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
    let quantizer = try Quantizer(model.network, settings, on: device)
    let trials = try trials(quantizer, data, count)
    guard let best = trials.min(by: { $0.trial.divergence < $1.trial.divergence }) else {
      preconditionFailure("at least one way to ranges is tried")
    }
    var layers: [QuantizedLayer] = []
    try judging(data, Self.batchSize) { layers = try best.quantizer.layers(of: best.trial.network, on: $0) }
    var result = Quantized(
      model: model, best: best.trial, trials: trials.map(\.trial), layers: layers, stages: [], images: count)
    result.model.network = best.trial.network
    result.model.interface.weightType = .float32
    result.stages = [try stage("dense", model.network, data), try stage("quantized", best.trial.network, data)]
    return result
  }

  /// Every way to ranges, and the best of them with channels scaled, where there are some to be scaled.
  private func trials(
    _ quantizer: Quantizer, _ data: Dataset, _ count: Int
  ) throws -> [(trial: Quantized.Trial, quantizer: Quantizer)] {
    let quantizer = try measured(quantizer, on: data, count, "measuring ranges")
    // Held out, so that ranges are not judged by the images that they fit.
    let judges = min(count / 2, data.selection.count)
    let ways = settings.ranges.map { [$0] } ?? RangeEstimator.allCases
    parts.begin("comparing outputs", (ways.count + 1) * judges, "images")
    let reference = try outputs(quantizer.folded, data, judges)
    func trial(_ quantizer: Quantizer, _ ranges: RangeEstimator, isEqualized: Bool) throws -> Quantized.Trial {
      let network = try quantizer.network(by: ranges)
      let divergences = try zip(outputs(network, data, judges), reference).map { $0.divergence(from: $1).item }
      return Quantized.Trial(
        ranges: ranges, isEqualized: isEqualized,
        divergence: divergences.reduce(0, +) / Double(max(1, divergences.count)), network: network)
    }
    var trials = try ways.map { (trial: try trial(quantizer, $0, isEqualized: false), quantizer: quantizer) }
    guard let best = trials.min(by: { $0.trial.divergence < $1.trial.divergence })?.trial.ranges,
      let equalized = try quantizer.equalized()
    else { return trials }
    let scaled = try measured(equalized, on: data, count, "measuring equalised ranges")
    parts.begin("comparing outputs", judges, "images")
    trials.append((try trial(scaled, best, isEqualized: true), scaled))
    return trials
  }

  private func measured(_ quantizer: Quantizer, on data: Dataset, _ count: Int, _ title: String) throws -> Quantizer {
    var quantizer = quantizer
    var loading = BatchLoader.Options.training(data, batchSize: Self.batchSize, seed: seed, epoch: 0)
    loading.augmentation = .none
    parts.begin(title, 2 * count, "images")
    for pass in [Quantizer.Pass.ranges, .counts] {
      try batches(data.train, loading, count) { batch in
        quantizer.add(batch, pass)
        try parts.advance(batch.shape[0])
      }
    }
    return quantizer
  }

  private func outputs(_ network: Network, _ data: Dataset, _ count: Int) throws -> [Tensor] {
    let program = try Program(network.placed(on: device), .training)
    var results: [Tensor] = []
    try judging(data, count) { batch in
      results.append(program(batch))
      try parts.advance(batch.shape[0])
    }
    return results
  }

  private func judging(_ data: Dataset, _ count: Int, _ body: (Tensor) throws -> Void) throws {
    try batches(data.selection, .evaluation(data, batchSize: Self.batchSize), count, body)
  }

  /// The first batches of a pass, until there are so many images.
  private func batches(
    _ source: any ImageSource, _ loading: BatchLoader.Options, _ count: Int, _ body: (Tensor) throws -> Void
  ) throws {
    let loader = BatchLoader(source, loading)
    var seen = 0
    while seen < count, let batch = try loader.next() {
      try body(batch.tensors(on: device).images)
      seen += batch.count
    }
  }

  private func stage(_ name: String, _ network: Network, _ data: Dataset) throws -> CompressionStage {
    let source = data.selection
    parts.begin("evaluating the \(name) network", source.count, "images")
    let accuracy = try network.accuracy(on: source, of: data, device: device, progress: parts.advance)
    return CompressionStage(name: name, accuracy: accuracy)
  }
}
