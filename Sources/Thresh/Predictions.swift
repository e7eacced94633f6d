import Datasets
import Interchange
import Networks
import Torch
import Training

/// What a network says of images, one by one, in their order.
public struct Predictions: Sendable, Equatable {
  /// A class with the probability that the network gives it, 0 to 1.
  public struct Candidate: Sendable, Equatable {
    public var label: Int
    public var probability: Double
  }

  /// How many classes the network tells apart.
  public let classes: Int
  /// The most probable classes of every image, the best first; as many as were asked for.
  public private(set) var candidates: [[Candidate]] = []
  /// The class of every image as its source has it.
  public private(set) var labels: [Int] = []
  /// How many classes the network takes for more probable than the image's own: 0 where it is right.
  public private(set) var places: [Int] = []
  /// Sum of the cross-entropies.
  fileprivate var loss = 0.0

  fileprivate init(classes: Int) { self.classes = classes }

  /// Percent of the images whose class is among the `count` most probable.
  public func accuracy(top count: Int) -> Double {
    100 * Double(places.filter { $0 < count }.count) / Double(max(1, places.count))
  }

  /// The same as `Network.accuracy(on:of:)`.
  public var accuracy: Accuracy {
    Accuracy(top1: accuracy(top: 1), loss: loss / Double(max(1, places.count)), images: places.count)
  }

  /// Adds the outputs for an image.
  fileprivate mutating func add(
    _ logits: ArraySlice<Double>, _ probabilities: ArraySlice<Double>, label: Int, top: Int
  ) {
    let (logits, probabilities) = (Array(logits), Array(probabilities))
    // Of equal classes the first comes first, as in `argmax`.
    func isBefore(_ a: Int, _ b: Int) -> Bool { (logits[a], b) > (logits[b], a) }
    let best: [Int]
    if top == 1 {
      best = logits.indices.min(by: isBefore).map { [$0] } ?? []
    } else {
      best = Array(logits.indices.sorted(by: isBefore).prefix(top))
    }
    candidates.append(best.map { Candidate(label: $0, probability: probabilities[$0]) })
    labels.append(label)
    places.append(logits.indices.filter { $0 != label && isBefore($0, label) }.count)
  }
}

extension Model {
  /// Runs the network over images as it is used: loaded, normalised and computed as `accuracy(on:)` does.
  ///
  /// - Parameters:
  ///   - source: images of the model's input shape, with labels in the order of its classes, or all 0.
  ///   - top: how many classes are kept for each image.
  ///   - batchSize: images at once; nil is as many as memory and caches are good for.
  ///   - workers: threads that prepare images.
  ///   - progress: told the number of images after each batch.
  /// - Throws: `NetworkError` when the network is not valid, `DatasetError` when an image cannot be read,
  ///   `InferenceMismatch` when the first images give something else than node by node.
  public func predictions(
    on source: any ImageSource, top: Int = 1, batchSize: Int? = nil, workers: Int = 1, device: Device = .cpu,
    progress: (Int) throws -> Void = { _ in }
  ) throws -> Predictions {
    try requireClasses()
    let normalization = Normalization(mean: preprocessing.mean, std: preprocessing.std)
    var data = Dataset(
      name: "images", classNames: classNames, normalization: normalization, augmentation: .none, train: source,
      test: source)
    data.workers = workers
    let batchSize = try batchSize ?? network.evaluationBatchSize(on: device)
    let classes = try network.validate()[network.output]?.first ?? classNames.count
    let run = try network.running(on: device, batch: batchSize)
    let loader = BatchLoader(source, .evaluation(data, batchSize: batchSize))
    var result = Predictions(classes: classes)
    while let batch = try loader.next() {
      try withoutGradients {
        let (images, labels) = batch.tensors(on: device)
        let logits = run(images)
        if result.labels.isEmpty { try network.check(logits, of: images, in: source.count, on: device) }
        result.loss += logits.crossEntropy(labels: labels, reduction: .sum).item
        let (values, probabilities) = (logits.doubles, self.probabilities(logits).doubles)
        for image in 0..<batch.count {
          let range = image * classes..<(image + 1) * classes
          result.add(values[range], probabilities[range], label: Int(batch.labels[image]), top: top)
        }
      }
      try progress(batch.count)
    }
    return result
  }
}
