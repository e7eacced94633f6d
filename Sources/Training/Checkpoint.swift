import Compaction
import Containers
import Foundation
import Interchange
import Networks
import Torch

/// Everything a training needs to go on as if it had never stopped, in one file that is written whole.
struct Checkpoint {
  var parameters: [String: Tensor]
  var momenta: [String: Tensor]
  var position: Position

  /// Where a training is.
  struct Position: Codable, Equatable {
    var epoch = 0
    /// Batches of this epoch that are done.
    var batch = 0
    var step = 0
    var seconds = 0.0
    /// Σ lr/(1 − m), times the warm-up's share, since the last proximal step.
    var pendingStep = 0.0
    var lossSum = 0.0
    var correct = 0
    var images = 0
    var bestTop1: Double?
    /// Length of `metrics.jsonl` in bytes; what is behind belongs to steps that are lost.
    var metricsLength = 0
    var start: Regularization.StartingScales?
    var controller: StrengthController?
    /// Warnings that were given, so that a resumed run does not repeat them.
    var warned: [String] = []
  }

  private static let prefix = "momentum/"

  func write(to file: URL) throws {
    var tensors = parameters
    for (name, tensor) in momenta { tensors[Self.prefix + name] = tensor }
    let state = String(decoding: try JSONEncoder().encode(position), as: UTF8.self)
    try TensorFile.write(tensors, metadata: ["training": state], to: file)
  }

  init(parameters: [String: Tensor], momenta: [String: Tensor], position: Position) {
    self.parameters = parameters
    self.momenta = momenta
    self.position = position
  }

  /// - Throws: `ContainerError` when the file is damaged or no checkpoint.
  init(contentsOf file: URL) throws {
    let stored = try Safetensors(contentsOf: file)
    guard let text = stored.metadata["training"],
      let position = try? JSONDecoder().decode(Position.self, from: Data(text.utf8))
    else {
      throw ContainerError("\(file.lastPathComponent) is no checkpoint of a training; start anew without --resume")
    }
    self.init(parameters: [:], momenta: [:], position: position)
    for (name, tensor) in try stored.tensors() {
      if name.hasPrefix(Self.prefix) {
        momenta[String(name.dropFirst(Self.prefix.count))] = tensor
      } else {
        parameters[name] = tensor
      }
    }
  }

  /// - Throws: `ContainerError` when momenta or counters cannot belong to a training of `network`.
  func check(_ network: Network, _ name: String) throws {
    let fits = momenta.allSatisfy { $0.value.shape == network.parameters[$0.key]?.shape }
    let counters = [position.epoch, position.batch, position.step, position.images, position.metricsLength]
    guard fits, counters.allSatisfy({ $0 >= 0 }) else {
      throw ContainerError("\(name) does not belong to this training; start anew without --resume")
    }
  }
}
