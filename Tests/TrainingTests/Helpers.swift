import Architectures
import Compaction
import Datasets
import Foundation
import Interchange
import Networks
import Testing
import Torch

@testable import Training

/// A folder of a test's own, which goes with it.
final class TemporaryFolder {
  let url = URL(filePath: NSTemporaryDirectory() + "thresh-training-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// A trainer with a run's folder of its own in this one.
  func trainer(
    _ options: TrainingOptions, _ network: Network, _ data: Dataset, _ name: String = "run"
  ) throws -> Trainer {
    let run = RunFolder(url.appending(path: name))
    try run.create()
    return Trainer(options, data, model(network, of: data), in: run)
  }
}

/// A few drawn images of four classes, 16×16 grey: a bar at one of four heights in noise.
func drawnImages(_ count: Int, seed: UInt32 = 1, labelsMovedBy shift: Int = 0) -> InMemoryImages {
  let side = 16
  var state = seed
  func noise() -> Int {
    state = state &* 1_664_525 &+ 1_013_904_223
    return Int(state >> 24)
  }
  var pixels: [UInt8] = []
  for index in 0..<count {
    for row in 0..<side {
      for _ in 0..<side { pixels.append(UInt8(row / 4 == index % 4 ? 150 + noise() / 4 : noise() / 3)) }
    }
  }
  let shape = ImageShape(channels: 1, height: side, width: side)
  return InMemoryImages(shape: shape, pixels: pixels, labels: (0..<count).map { UInt8(($0 + shift) % 4) })
}

func drawnData(training: Int = 160, test: Int = 40) -> Dataset {
  Dataset(
    name: "bars", classNames: ["a", "b", "c", "d"], normalization: Normalization(mean: [0.3], std: [0.3]),
    augmentation: .none, train: drawnImages(training), test: drawnImages(test, seed: 2))
}

/// A small network of two blocks with batch norm, for 16×16 grey images of four classes.
func smallNetwork(seed: UInt64 = 0) throws -> Network {
  var net = NetworkBuilder(input: [1, 16, 16], seed: seed)
  var x = net.input
  for (index, units) in [8, 24, 24].enumerated() {
    x = try net.convolution(x, "conv\(index)", units: units, kernel: [3, 3], padding: [1, 1])
    x = try net.relu(net.batchNorm(x, "bn\(index)"))
    if index < 2 { x = try net.maxPool(x, 2) }
  }
  x = try net.flatten(x)
  return try net.finish(net.linear(x, "linear", units: 4))
}

func model(_ network: Network, of data: Dataset) -> Model {
  Model(
    network: network,
    preprocessing: Preprocessing(
      channelOrder: .grey, height: data.shape.height, width: data.shape.width, mean: data.normalization.mean,
      std: data.normalization.std), classNames: data.classNames)
}

func options(
  epochs: Int = 4, batchSize: Int = 16, rate: Double = 0.05, regularizer: Regularizer = .none
) -> TrainingOptions {
  TrainingOptions(
    epochs: epochs, batchSize: batchSize, learningRate: rate, momentum: 0.9, nesterov: true, weightDecay: 5e-4,
    schedule: Schedule(.constant), labelSmoothing: 0, precision: .float32, seed: 0, regularizer: regularizer,
    energy: 0.9, energyMeasure: .sum)
}

/// The elements of every parameter, by name.
func elements(_ network: Network) -> [String: [Float]] {
  network.parameters.mapValues { $0.to(.float32).contiguous.values(as: Float.self) }
}

/// What a failing call says.
func sentence(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "nothing was thrown"
  } catch {
    return "\(error)"
  }
}

/// What a training ends with that is stopped after `count` steps and then resumed, in a folder of its own.
func stoppedAndResumed(
  after count: Int, _ options: TrainingOptions, _ network: Network, _ data: Dataset, in folder: TemporaryFolder
) throws -> Network {
  var trainer = try folder.trainer(options, network, data, "stopped-\(count)")
  var steps = 0
  trainer.shouldStop = {
    steps += 1
    return steps == count
  }
  #expect(throws: TrainingInterruption.self) { _ = try trainer.train(resume: false) }
  var resumed = try folder.trainer(options, network, data, "stopped-\(count)")
  return try resumed.train(resume: true)
}
