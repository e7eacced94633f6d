import Datasets
import Foundation
import Networks
import Testing
import Torch

@testable import Training

struct DistillationTests {
  private let logits = [2.0, -1.0, 0.5, 0.1, 0.2, -0.3]
  private let taught = [1.0, 1.5, -0.5, 0.0, 3.0, 0.4]

  private func softmax(_ row: ArraySlice<Double>, _ temperature: Double) -> [Double] {
    let powers = row.map { exp($0 / temperature) }
    return powers.map { $0 / powers.reduce(0, +) }
  }

  @Test(arguments: [1.0, 2.0, 4.0])
  func `the loss is the paper's formula`(temperature: Double) {
    let distillation = Distillation(weight: 0.7, temperature: temperature)
    let found = distillation.loss(
      crossEntropy: Tensor([3.0], shape: []), logits: Tensor(logits, shape: [2, 3]),
      teacher: Tensor(taught, shape: [2, 3])
    ).item
    var divergence = 0.0
    for row in [0..<3, 3..<6] {
      let (p, q) = (softmax(taught[row], temperature), softmax(logits[row], temperature))
      divergence += zip(p, q).map { $0 * log($0 / $1) }.reduce(0, +) / 2
    }
    let expected = 0.3 * 3 + 0.7 * temperature * temperature * divergence
    #expect(abs(found - expected) < 1e-12)
  }

  @Test func `the gradient is T times the difference of the probabilities, and none goes to the teacher`() {
    let temperature = 3.0
    let leaf = Tensor(logits, shape: [2, 3]).leaf
    let teacher = Tensor(taught, shape: [2, 3]).leaf
    let loss = Distillation(weight: 1, temperature: temperature).loss(
      crossEntropy: Tensor([0.0], shape: []), logits: leaf, teacher: teacher)
    let gradients = loss.gradients(of: [leaf, teacher])
    var expected: [Double] = []
    for row in [0..<3, 3..<6] {
      expected += zip(softmax(logits[row], temperature), softmax(taught[row], temperature)).map {
        temperature * ($0 - $1) / 2
      }
    }
    #expect(zip(gradients[0].doubles, expected).allSatisfy { abs($0 - $1) < 1e-12 })
    #expect(gradients[1].doubles.allSatisfy { $0 == 0 })
  }

  @Test func `a network learns from its teacher what wrong labels do not tell`() throws {
    let folder = try TemporaryFolder()
    let good = drawnData()
    func trained(
      _ name: String, on data: Dataset, teacher: Network? = nil, _ distillation: Distillation? = nil
    ) throws -> Network {
      let run = RunFolder(folder.url.appending(path: name))
      try run.create()
      var options = options(epochs: 6)
      options.distillation = distillation
      var trainer = Trainer(options, data, try model(smallNetwork(), of: data), in: run)
      trainer.teacher = teacher
      return try trainer.train(resume: false)
    }
    let teacher = try trained("teacher", on: good)
    var wrong = good
    wrong.train = drawnImages(good.train.count, labelsMovedBy: 1)
    let alone = try trained("alone", on: wrong)
    let taught = try trained("taught", on: wrong, teacher: teacher, Distillation(weight: 1))
    #expect(try (alone.accuracy(on: good.test, of: good).top1 ?? 100) < 30)
    #expect(try (taught.accuracy(on: good.test, of: good).top1 ?? 0) > 80)
  }
}
