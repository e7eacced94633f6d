import Compaction
import Datasets
import Networks
import Torch

extension Network {
  /// Runs the network over images in evaluation.
  ///
  /// - Parameters:
  ///   - source: the images.
  ///   - data: whose normalisation is used.
  ///   - original: what the network is held against where images have no labels; nil for images with labels.
  ///   - batchSize: images at once; nil is as many as memory and caches are good for (`evaluationBatchSize`).
  ///   - device: where it runs.
  ///   - progress: told the number of images after each batch.
  /// - Throws: `NetworkError` when the network is not valid, `DatasetError` when an image cannot be read,
  ///   `InferenceMismatch` when the first images give something else than node by node.
  public func accuracy(
    on source: any ImageSource, of data: Dataset, like original: Original? = nil, batchSize: Int? = nil,
    device: Device = .cpu, progress: (Int) throws -> Void = { _ in }
  ) throws -> Accuracy {
    if let original {
      return try likeness(
        to: original, on: source, of: data, batchSize: batchSize, device: device, progress: progress)
    }
    return try outcomes(on: source, of: data, batchSize: batchSize, device: device, progress: progress).accuracy
  }

  /// The same with whether each image is classified correctly, in the order of the source.
  ///
  /// - Throws: as `accuracy(on:of:)`.
  package func outcomes(
    on source: any ImageSource, of data: Dataset, batchSize: Int? = nil, device: Device = .cpu,
    progress: (Int) throws -> Void = { _ in }
  ) throws -> (accuracy: Accuracy, isCorrect: [Bool]) {
    guard data.hasLabels else {
      throw NetworkError("the images of \(data.name) have no labels, and nothing to be like was given")
    }
    let batchSize = try batchSize ?? evaluationBatchSize(on: device)
    let run = try running(on: device, batch: batchSize)
    let loader = BatchLoader(source, .evaluation(data, batchSize: batchSize))
    var (loss, count) = (0.0, 0)
    var isCorrect: [Bool] = []
    while let batch = try loader.next() {
      try withoutGradients {
        let (images, labels) = batch.tensors(on: device)
        let logits = run(images)
        if count == 0 { try check(logits, of: images, in: source.count, on: device) }
        isCorrect += logits.argmax(axis: 1).equals(labels).doubles.map { $0 != 0 }
        loss += logits.crossEntropy(labels: labels, reduction: .sum).item
      }
      count += batch.count
      try progress(batch.count)
    }
    let images = Double(max(1, count))
    let correct = Double(isCorrect.filter(\.self).count)
    return (Accuracy(top1: 100 * correct / images, loss: loss / images, images: count), isCorrect)
  }

  /// Compares what the network in use gave for the first images with what it gives node by node.
  package func check(_ logits: Tensor, of images: Tensor, in count: Int, on device: Device) throws {
    let some = min(images.shape[0], InferenceCheck.images(of: count))
    try InferenceCheck(self, on: device)(
      images.slice(axis: 0, from: 0, to: some), gave: logits.slice(axis: 0, from: 0, to: some))
  }

  /// The network in evaluation: made ready for use on the CPU, as it is elsewhere.
  package func running(on device: Device, batch: Int) throws -> (Tensor) -> Tensor {
    let program =
      try device == .cpu ? Program(self, .inference(batch: batch)) : Program(placed(on: device), .training)
    return { program($0) }
  }

  /// The network with running statistics measured anew on training images, cropped and mirrored, dropout off.
  ///
  /// After a truncation the old statistics describe activations that no longer occur; measuring them again is worth
  /// tens of points. The mean over batches replaces the moving average.
  ///
  /// - Parameter sample: how many images, and how many at once; nil follows from their size.
  /// - Throws: as `accuracy(on:of:)`.
  public func recalibrated(
    on data: Dataset, sample: StatisticsSample? = nil, seed: UInt64, device: Device = .cpu,
    progress: (Int) throws -> Void = { _ in }
  ) throws -> Network {
    var result = self
    let statistics = try averagedStatistics(
      on: data, sample: sample ?? StatisticsSample(of: data.shape), seed: seed, device: device, progress: progress)
    result.parameters.merge(statistics) { _, new in new }
    return result
  }

  /// What the layers read of training images, cropped and mirrored.
  ///
  /// - Parameter images: how many, in batches of 32.
  /// - Throws: as `accuracy(on:of:)`.
  public func inputMoments(
    on data: Dataset, images: Int, seed: UInt64, device: Device = .cpu, progress: (Int) throws -> Void = { _ in }
  ) throws -> InputMoments {
    var collector = try MomentCollector(self, on: device)
    let loader = BatchLoader(data.train, .measuring(data, batchSize: 32, seed: seed))
    while collector.images < images, let batch = try loader.next() {
      collector.add(batch.tensors(on: device).images)
      try progress(batch.count)
    }
    return collector.moments
  }

  /// Means over batches of what every batch norm sees in training, by the names of its running statistics.
  func averagedStatistics(
    on data: Dataset, sample: StatisticsSample, seed: UInt64, device: Device = .cpu,
    progress: (Int) throws -> Void = { _ in }
  ) throws -> [String: Tensor] {
    var probe = self
    probe.nodes = nodes.map { node in
      var node = node
      if let norm = node.operation as? any NormalizingOperation { node.operation = norm.followingLastBatch() }
      if node.operation is Dropout { node.operation = Dropout(0) }
      return node
    }
    let program = try Program(probe.placed(on: device), .training)
    // A batch norm that is applied twice gives two of each.
    var sums: [Int: (sum: Tensor, count: Int)] = [:]
    var seen = 0
    let loader = BatchLoader(data.train, .measuring(data, batchSize: sample.batchSize, seed: seed))
    while seen < sample.batches, let batch = try loader.next() {
      // A last batch of one or two images would say more about noise than about the data.
      guard batch.count * 2 >= min(sample.batchSize, data.train.count) else { continue }
      let new = withoutGradients {
        program.run(batch.tensors(on: device).images, parameters: program.parameters, mode: .training).statistics
      }
      for (index, value) in new {
        let old = sums[index]
        sums[index] = (old.map { $0.sum + value } ?? value, (old?.count ?? 0) + 1)
      }
      seen += 1
      try progress(batch.count)
    }
    return Dictionary(
      uniqueKeysWithValues: sums.map { (program.parameterNames[$0], ($1.sum / Double($1.count)).to(.cpu)) })
  }
}
