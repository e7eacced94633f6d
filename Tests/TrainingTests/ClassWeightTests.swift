import Datasets
import Foundation
import Networks
import Testing
import Torch

@testable import Training

/// The weights of classes in the loss, against PyTorch's (Tests/Fixtures/training.py).
struct ClassWeightTests {
  private struct Fixture: Decodable {
    struct Case: Decodable { var smoothing: Double, loss: Double, sum: Double, gradient: [Double] }
    var logits: [Double], labels: [Int64], weights: [Double], cases: [Case], balanced: [Double]
  }

  private let fixture: Fixture
  private let folder: TemporaryFolder

  init() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/class_weights.json")
    fixture = try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: file))
    folder = try TemporaryFolder()
  }

  /// One-pixel images with these labels.
  private func data(_ labels: [Int64]) -> Dataset {
    let shape = ImageShape(channels: 1, height: 1, width: 1)
    let images = InMemoryImages(
      shape: shape, pixels: labels.map { _ in 0 }, labels: labels.map { UInt8(truncatingIfNeeded: $0) })
    return Dataset(
      name: "four", classNames: ["a", "b", "c", "d"], normalization: .mnist, augmentation: .none, train: images,
      test: images)
  }

  @Test func `loss and gradient are PyTorch's, label smoothing included`() {
    let logits = Tensor(fixture.logits, shape: [7, 4])
    let labels = Tensor(fixture.labels, shape: [7])
    let weights = Tensor(fixture.weights, shape: [4])
    for one in fixture.cases {
      let leaf = logits.clone.leaf
      let loss = leaf.crossEntropy(labels: labels, weights: weights, smoothing: one.smoothing)
      #expect(abs(loss.detached.item - one.loss) < 1e-12)
      let gradient = loss.gradients(of: [leaf])[0].doubles
      #expect(zip(gradient, one.gradient).allSatisfy { abs($0 - $1) < 1e-12 })
      let sum = logits.crossEntropy(labels: labels, weights: weights, smoothing: one.smoothing, reduction: .sum)
      #expect(abs(sum.item - one.sum) < 1e-12)
      var options = options()
      (options.classWeights, options.labelSmoothing) = (fixture.weights, one.smoothing)
      #expect(abs(Targets(labels: labels).crossEntropy(logits, options).item - one.loss) < 1e-12)
    }
  }

  @Test func `with mixed labels it is the mean of all images and labels by their weights and shares`() {
    let logits = Tensor(fixture.logits, shape: [7, 4])
    let before = fixture.labels.suffix(1) + fixture.labels.dropLast()
    var options = options()
    options.classWeights = fixture.weights
    let targets = Targets(
      labels: Tensor(fixture.labels, shape: [7]), mixedIn: Tensor(Array(before), shape: [7]), share: 0.3)
    let logs = logits.logSoftmax(axis: 1).doubles
    var (total, weight) = (0.0, 0.0)
    for (share, labels) in [(0.3, fixture.labels), (0.7, Array(before))] {
      for (image, label) in labels.enumerated() {
        let own = share * fixture.weights[Int(label)]
        total -= own * logs[4 * image + Int(label)]
        weight += own
      }
    }
    #expect(abs(targets.crossEntropy(logits, options).item - total / weight) < 1e-12)
  }

  @Test func `balanced weights are scikit-learn's, and 1 for a class without images`() throws {
    let balanced = try ClassWeights.balanced.numbers(for: data(fixture.labels))
    #expect(zip(balanced, fixture.balanced).allSatisfy { abs($0 - $1) < 1e-14 } && balanced.count == 4)
    let some = try ClassWeights.balanced.numbers(for: data([0, 0, 0, 2]))
    #expect(some == [2.0 / 3, 1, 2, 1])
  }

  @Test func `numbers come from an option, a list or a file, one for each class`() throws {
    #expect(ClassWeights("balanced") == .balanced)
    #expect(ClassWeights("1,2.5, 0.5") == .numbers([1, 2.5, 0.5]))
    #expect(ClassWeights("weights.txt") == .file("weights.txt"))
    #expect(
      try Recipe(yaml: "loss: {class-weights: [1, 2]}\n", name: "list").loss.classWeights == .numbers([1, 2]))
    var recipe = Recipe()
    recipe.loss.classWeights = .numbers([0.1, 2, 30])
    #expect(try Recipe(yaml: recipe.yaml(), name: "own") == recipe)
    let file = folder.url.appending(path: "weights.txt")
    try Data("1\n2, 3\n0.25\n".utf8).write(to: file)
    recipe.loss.classWeights = .file(file.path)
    #expect(try recipe.readingFiles().loss.classWeights == .numbers([1, 2, 3, 0.25]))
    #expect(try ClassWeights.file(file.path).numbers(for: data([0])) == [1, 2, 3, 0.25])
    try Data("1\ntwo\n".utf8).write(to: file)
    #expect(sentence { _ = try recipe.readingFiles() }.hasSuffix("found two; leave everything else out"))
    #expect(sentence { _ = try ClassWeights.file("nowhere").reading() }.contains("nowhere, which is no readable file"))
    #expect(
      sentence { _ = try ClassWeights.numbers([1, 2]).numbers(for: data([0])) }
        == "`class-weights` has 2 numbers, but the data has 4 classes; give one for each, in this order: a, b, c, d")
    recipe.loss.classWeights = .numbers([1, -2])
    #expect(sentence { try recipe.validate() } == "`class-weights` has -2.0, expected numbers above 0")
  }

  @Test func `equal weights train the same network as none, others another`() throws {
    let networks = try [nil, [1.0, 1, 1, 1], [4.0, 1, 1, 1]].map { weights in
      var options = options(epochs: 1)
      options.classWeights = weights
      var trainer = try folder.trainer(options, smallNetwork(), drawnData(), "\(weights ?? [])")
      return elements(try trainer.train(resume: false))
    }
    let difference = networks[0].map { name, values in
      zip(values, networks[1][name] ?? []).map { abs($0 - $1) }.max() ?? 1
    }.max()
    #expect(try #require(difference) < 1e-4)
    #expect(networks[0] != networks[2])
  }
}
