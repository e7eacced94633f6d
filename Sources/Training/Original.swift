import Datasets
import Foundation
import Interchange
import Networks
import Torch

/// The network that others are to be like where images have no labels, and how their distance from it is measured.
public struct Original: Sendable {
  public let network: Network
  public let imitation: Imitation

  /// How many training images the variances of the outputs are of.
  public static let images = 256

  /// How each output is learnt, a sentence each.
  public private(set) var notes: [String] = []

  /// - Parameters:
  ///   - model: its network's outputs are what is learnt.
  ///   - data: the outputs' variances are those for some of its training images.
  ///   - loss: which outputs score classes, and how much each weighs.
  /// - Throws: `NetworkError` when an output is not finite or all are the same for every image, `RecipeError` when a
  ///   setting names no output, `DatasetError`.
  public init(
    _ model: Model, on data: Dataset, _ loss: LossRecipe, device: Device = .cpu,
    progress: (Int) throws -> Void = { _ in }
  ) throws {
    network = model.network
    var outputs = try model.imitated(loss)
    let batchSize = try network.evaluationBatchSize(on: device)
    let run = try network.running(on: device, batch: batchSize)
    let source = data.train.first(Self.images)
    let loader = BatchLoader(source, .evaluation(data, batchSize: batchSize))
    var moments = OutputMoments()
    while let batch = try loader.next() {
      withoutGradients { moments.add(run(batch.tensors(on: device).images)) }
      try progress(batch.count)
    }
    for index in outputs.indices {
      let variance = moments.variance(of: outputs[index])
      guard variance.isFinite else {
        throw NetworkError(
          "\(outputs[index].words) of the original is not finite for some of the images, so that nothing can be learnt "
            + "from it; check the file, and the mean and standard deviation of its images")
      }
      if variance <= 0 {
        outputs[index].weight = 0
        notes.append("\(outputs[index].words) is the same for every image and is not taught")
      } else if case .values = outputs[index].distance {
        outputs[index].distance = .values(variance: variance)
      }
    }
    guard outputs.contains(where: { $0.weight > 0 }) else {
      throw NetworkError(
        "no output of the original differs between the images, so that nothing can be learnt from it; give other images"
      )
    }
    imitation = Imitation(outputs: outputs)
    notes += outputs.filter { $0.weight > 0 }.map(\.note)
  }
}

/// Sums over images of every element of a network's result, in float64.
struct OutputMoments {
  private var sum: Tensor?
  private var squares: Tensor?
  private(set) var images = 0

  /// - Parameter result: N×….
  mutating func add(_ result: Tensor) {
    let rows = result.flattened(from: 1).to(.float64)
    let (first, second) = (rows.sum(axes: [0]), (rows * rows).sum(axes: [0]))
    (sum, squares) = (sum.map { $0 + first } ?? first, squares.map { $0 + second } ?? second)
    images += result.shape[0]
  }

  /// The sum over elements and images of the squared distance from each element's mean.
  func deviation(of output: Imitation.Output) -> Double {
    guard let sum, let squares, images > 0 else { return 0 }
    func part(_ row: Tensor) -> Tensor {
      row.slice(axis: 0, from: output.elements.lowerBound, to: output.elements.upperBound)
    }
    let (first, second) = (part(sum), part(squares))
    let deviation = (second - first * first / Double(images)).sum.item
    // What cancels is no variance.
    return deviation.isFinite && deviation <= 1e-12 * second.sum.item ? 0 : deviation
  }

  /// The mean of the same.
  func variance(of output: Imitation.Output) -> Double {
    deviation(of: output) / Double(max(1, images * output.elements.count))
  }
}

extension Network {
  /// How near the network's outputs are to those of another, for images without labels.
  ///
  /// - Throws: as `accuracy(on:of:)`.
  func likeness(
    to original: Original, on source: any ImageSource, of data: Dataset, batchSize: Int?, device: Device,
    progress: (Int) throws -> Void
  ) throws -> Accuracy {
    let batchSize = try batchSize ?? evaluationBatchSize(on: device)
    let (run, reference) = try (
      running(on: device, batch: batchSize), original.network.running(on: device, batch: batchSize)
    )
    let loader = BatchLoader(source, .evaluation(data, batchSize: batchSize))
    let outputs = original.imitation.outputs
    var moments = OutputMoments()
    var errors = outputs.map { _ in 0.0 }
    var agreements = outputs.map { _ in (same: 0.0, places: 0) }
    var (loss, count) = (0.0, 0)
    while let batch = try loader.next() {
      try withoutGradients {
        let images = batch.tensors(on: device).images
        let result = run(images)
        if count == 0 { try check(result, of: images, in: source.count, on: device) }
        let (own, given) = (result.flattened(from: 1), reference(images).flattened(from: 1))
        loss += original.imitation.loss(own, given).item * Double(batch.count)
        moments.add(given)
        for (index, output) in outputs.enumerated() {
          let (mine, theirs) = (own.part(output), given.part(output))
          let difference = (mine - theirs).to(.float64)
          errors[index] += (difference * difference).sum.item
          guard case .scores(let axis, _) = output.distance else { continue }
          let best = [mine, theirs].map { output.classesLast($0, axis).argmax(axis: 1) }
          agreements[index].same += best[0].equals(best[1]).sum.item
          agreements[index].places += best[0].count
        }
      }
      count += batch.count
      try progress(batch.count)
    }
    let found = outputs.indices.map { index in
      let deviation = moments.deviation(of: outputs[index])
      let places = agreements[index].places
      return OutputError(
        name: outputs[index].name,
        relativeError: deviation > 0 ? (errors[index] / deviation).squareRoot() : nil,
        agreement: places > 0 ? 100 * agreements[index].same / Double(places) : nil)
    }
    return Accuracy(top1: nil, loss: loss / Double(max(1, count)), images: count, outputs: found)
  }
}

extension Model {
  /// The outputs as they are learnt, their variances still open.
  ///
  /// - Throws: `RecipeError` when a setting names no output or no axis of one.
  fileprivate func imitated(_ loss: LossRecipe) throws -> [Imitation.Output] {
    let outputs = try outputs()
    let names = outputs.map { $0.name ?? "" }
    let scores = try (loss.scores ?? []).map { try OutputSetting($0, "scores", among: names) }
    let weights = try (loss.outputWeights ?? []).map { try OutputSetting($0, "output-weights", among: names) }
    return try zip(outputs, names).map { output, name in
      var result = Imitation.Output(
        name: name.isEmpty ? nil : name, shape: output.shape, elements: output.elements,
        distance: try self.distance(output, isAlone: outputs.count == 1))
      if let told = scores.first(where: { $0.name == name }) {
        let axis = told.value.map { Int($0) } ?? 1
        // Axes are counted as in the file, where the batch is the first.
        guard let axis, (1...output.shape.count).contains(axis), output.shape[axis - 1] > 1 else {
          throw RecipeError(
            "`scores` \(told.text) names no axis of \(name) with classes, whose shape is batch × "
              + "\(output.shape.map(String.init).joined(separator: " × ")); write \(name)=1 for the first after the batch"
          )
        }
        if case .values = result.distance { result.distance = .scores(axis: axis - 1, areProbabilities: false) }
      }
      if let told = weights.first(where: { $0.name == name }) {
        guard let weight = told.value.flatMap(Double.init), weight >= 0, weight < 1e6 else {
          throw RecipeError("`output-weights` has \(told.text), expected a name and a number, such as \(name)=2")
        }
        result.weight = weight
      }
      return result
    }
  }

  /// What a file tells of what an output is: probabilities by a softmax at its end, logits of a classifier.
  private func distance(_ output: NetworkOutput, isAlone: Bool) throws -> Imitation.Distance {
    if isAlone, scoresClasses { return .scores(axis: 0, areProbabilities: false) }
    switch network[output.node]?.operation {
    case let softmax as Softmax: return .scores(axis: softmax.axis, areProbabilities: true)
    case let softmax as LogSoftmax: return .scores(axis: softmax.axis, areProbabilities: false)
    default: return .values(variance: 1)
    }
  }

  /// Whether the one output is known to be the scores of classes: the file says what they are called, ended in their
  /// probabilities, or is of an architecture that has classes.
  private var scoresClasses: Bool {
    guard !classNames.isEmpty else { return false }
    let isNumbered = classNames == classNames.indices.map { "class \($0)" }
    return interface.outputName == nil || !isNumbered
      || [.softmax, .logSoftmax].contains(interface.outputActivation)
  }
}

/// A setting of one output: `NAME` or `NAME=VALUE`.
private struct OutputSetting {
  let text: String
  let name: String
  let value: Substring?

  init(_ text: String, _ option: String, among names: [String]) throws {
    self.text = text
    // A name may have = in it.
    let parts = names.contains(text) ? [] : text.split(separator: "=", omittingEmptySubsequences: false)
    name = parts.count < 2 ? text : parts.dropLast().joined(separator: "=")
    value = parts.count < 2 ? nil : parts.last
    guard names.contains(name) else {
      throw RecipeError(
        "`\(option)` \(text) names none of the outputs; they are \(names.map { $0.isEmpty ? "(nameless)" : $0 }.joined(separator: ", "))"
      )
    }
  }
}
