import Compaction
import Containers
import Foundation
import Interchange
import Networks
import Torch

/// Everything a training needs to go on as if it had never stopped, in one file that is written whole.
struct Checkpoint {
  var parameters: [String: Tensor]
  var memory: OptimizerMemory
  var position: Position

  /// Where a training is.
  struct Position: Codable {
    var epoch = 0
    /// Batches of this epoch that are done.
    var batch = 0
    var step = 0
    var seconds = 0.0
    /// The optimiser that the memory belongs to, and the steps since its memory was empty.
    var optimizer: TrainingOptions.Optimizer?
    var optimizerSteps: Int?
    /// The steps that the average of the parameters is of; nil where none is kept.
    var averagedSteps: Int?
    /// Where training started, which a network that was made smaller since does not tell.
    var origin: Origin?
    /// The steps of the proximal operator that are due since the last, times the regulariser's share.
    var pendingStep = 0.0
    var lossSum = 0.0
    var correct = 0
    var images = 0
    /// The best score or held-out top-1, without labels the least distance taken negative; of networks made small the
    /// epoch.
    var bestTop1: Double?
    /// The epoch that it is of, from 1; nil in checkpoints of earlier versions until the next.
    var bestEpoch: Int?
    /// Length of `metrics.jsonl` in bytes; what is behind belongs to steps that are lost.
    var metricsLength = 0
    var start: Regularization.StartingScales?
    /// The size that the automatic strength leads to.
    var wish: SizeTarget?
    var controller: StrengthController?
    /// What the partial regulariser shrinks, and which of the training's plans it is of.
    var cut: PlannedCut?
    var cutPlace: Int?
    /// The network's, where it was made smaller since training started, and the epoch after which it was last.
    var architecture: Architecture?
    var compactedAfter: Int?
    /// Σσ of the layers after the last proximal step.
    var spectralSums: [String: Double]?
    /// Warnings that were given, so that a resumed run does not repeat them.
    var warned: [String] = []
    /// Every return to a good state; how many of them have halved the rate that training goes on with, and that rate;
    /// the same of the regulariser's strengths.
    var backOffs: [BackOff]?
    var halvings: Int?
    var halvedRate: Double?
    var strengthHalvings: Int?
    var halvedStrengths: [Double]?
    /// Whether training may come back to this state. Absent in checkpoints that know of no return, which are all good.
    var isGood: Bool?
    var steadiness: Steadiness?
    /// Nil in checkpoints of earlier versions, whose strength grew from the start.
    var learning: LearningStart?
  }

  /// What a run is a training of.
  struct Origin: Codable, Equatable {
    var input: [Int]
    var classes: Int
    var parameters: Int
    var macs: Int
    /// Nil in checkpoints of earlier versions.
    var data: DataSummary?
  }

  private static let momentum = "momentum/"
  private static let square = "square/"
  private static let average = "average/"

  func write(to file: URL) throws {
    var tensors = parameters
    for (name, tensor) in memory.momenta { tensors[Self.momentum + name] = tensor }
    for (name, tensor) in memory.squares { tensors[Self.square + name] = tensor }
    for (name, tensor) in memory.averages { tensors[Self.average + name] = tensor }
    var position = position
    position.optimizerSteps = memory.steps
    position.averagedSteps = memory.averages.isEmpty ? nil : memory.averagedSteps
    let state = String(decoding: try JSONEncoder().encode(position), as: UTF8.self)
    try TensorFile.write(tensors, metadata: ["training": state], to: file)
  }

  init(parameters: [String: Tensor], memory: OptimizerMemory, position: Position) {
    self.parameters = parameters
    self.memory = memory
    self.position = position
  }

  /// - Throws: `ContainerError` when the file is damaged or no checkpoint.
  init(contentsOf file: URL) throws {
    let stored = try Safetensors(contentsOf: file)
    guard let text = stored.metadata["training"],
      let position = try? JSONDecoder().decode(Position.self, from: Data(text.utf8))
    else {
      throw ContainerError("\(file.lastPathComponent) is not a checkpoint of a training; start anew without `resume`")
    }
    self.init(parameters: [:], memory: OptimizerMemory(), position: position)
    memory.steps = position.optimizerSteps ?? position.step
    memory.averagedSteps = position.averagedSteps ?? 0
    for (name, tensor) in try stored.tensors() {
      if name.hasPrefix(Self.momentum) {
        memory.momenta[String(name.dropFirst(Self.momentum.count))] = tensor
      } else if name.hasPrefix(Self.square) {
        memory.squares[String(name.dropFirst(Self.square.count))] = tensor
      } else if position.averagedSteps != nil, name.hasPrefix(Self.average) {
        memory.averages[String(name.dropFirst(Self.average.count))] = tensor
      } else {
        parameters[name] = tensor
      }
    }
  }

  /// - Throws: `ContainerError` when the training was one on other classes or images.
  func check(data found: DataSummary?, _ name: String) throws {
    guard let began = position.origin?.data, let found, let difference = began.difference(from: found) else { return }
    throw ContainerError(
      "\(name) belongs to a training on other data: found \(difference); use the data it began with, or start anew"
    )
  }

  /// - Throws: `ContainerError` when momenta or counters cannot belong to a training of `network` by `optimizer` that
  ///   started at `origin`.
  func check(_ network: Network, from origin: Origin, _ optimizer: TrainingOptions.Optimizer, _ name: String) throws {
    var expected = origin
    expected.data = position.origin?.data
    if let own = position.origin, own != expected {
      throw ContainerError(
        """
        \(name) belongs to a training of another network or on other images (\(own.input) to \(own.classes) classes, \
        \(own.parameters) parameters; found \(origin.input) to \(origin.classes), \(origin.parameters)); use its \
        recipe, or start anew
        """)
    }
    if let own = position.optimizer, own != optimizer {
      throw ContainerError(
        "\(name) belongs to a training by \(own.rawValue); go on with `optimizer` \(own.rawValue), or start anew")
    }
    let fits = [memory.momenta, memory.squares, memory.averages].joined().allSatisfy {
      $0.value.shape == network.parameters[$0.key]?.shape
    }
    let counters = [
      position.epoch, position.batch, position.step, position.images, position.correct, position.metricsLength,
      memory.steps, memory.averagedSteps,
    ]
    guard fits, counters.allSatisfy((0...1 << 40).contains) else {
      throw ContainerError("\(name) does not belong to this training; start anew without `resume`")
    }
  }
}
