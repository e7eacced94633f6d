import Datasets
import Foundation
import Networks
import Testing
import Torch

@testable import Training

/// Training on images that are distorted and mixed.
struct MixedTrainingTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private var data: Dataset {
    var data = drawnData()
    data.augmentation = Augmentation(crop: .resized(), flips: true)
    (data.augmentation.colorJitter, data.augmentation.randAugment) = (0.4, RandAugment(operations: 2))
    data.augmentation.randomErasing = 0.5
    data.augmentation.mixing = Mixing(mixup: 0.4, cutmix: 1)
    return data
  }

  @Test(arguments: [0.0, 0.1]) func `the loss of mixed labels is the cross-entropy against soft ones`(
    smoothing: Double
  ) {
    let generator = Generator(seed: 3)
    let logits = Tensor.normal([6, 4], dtype: .float64, using: generator)
    let (labels, before): ([Int64], [Int64]) = ([0, 1, 2, 3, 0, 2], [2, 0, 1, 2, 3, 0])
    var options = options()
    options.labelSmoothing = smoothing
    let targets = Targets(
      labels: Tensor(labels, shape: [6]), mixedIn: Tensor(before, shape: [6]), share: 0.7)
    var soft = [Double](repeating: smoothing / 4, count: 24)
    for (image, pair) in zip(labels, before).enumerated() {
      soft[4 * image + Int(pair.0)] += 0.7 * (1 - smoothing)
      soft[4 * image + Int(pair.1)] += 0.3 * (1 - smoothing)
    }
    let expected = -(logits.logSoftmax(axis: 1) * Tensor(soft, shape: [6, 4])).sum.item / 6
    #expect(abs(targets.crossEntropy(logits, options).item - expected) < 1e-12)
  }

  @Test func `mixed images count as the class with the larger share`() {
    let (labels, before) = (Tensor([Int64(0), 1], shape: [2]), Tensor([Int64(1), 0], shape: [2]))
    #expect(Targets(labels: labels, mixedIn: before, share: 0.6).dominant.doubles == [0, 1])
    #expect(Targets(labels: labels, mixedIn: before, share: 0.4).dominant.doubles == [1, 0])
    #expect(Targets(labels: labels).dominant.doubles == [0, 1])
  }

  @Test(arguments: [3, 10, 17]) func `a training that is stopped and resumed sees the same images and mixes`(
    step: Int
  ) throws {
    let options = options(epochs: 2)
    var whole = try folder.trainer(options, smallNetwork(), data)
    let expected = elements(try whole.train(resume: false))
    #expect(elements(try stoppedAndResumed(after: step, options, smallNetwork(), data, in: folder)) == expected)
    var unmixed = data
    unmixed.augmentation.mixing = Mixing()
    var other = try folder.trainer(options, smallNetwork(), unmixed, "unmixed")
    #expect(elements(try other.train(resume: false)) != expected)
  }

  @Test func `what a network is measured on is cropped and mirrored, but not distorted or mixed`() throws {
    var plain = data
    plain.augmentation = data.augmentation.withoutDistortion
    #expect(plain.augmentation == Augmentation(crop: .resized(), flips: true))
    let network = try smallNetwork()
    let measured = try [data, plain].map { elements(try network.recalibrated(on: $0, seed: 4)) }
    #expect(measured[0] == measured[1])
  }
}
