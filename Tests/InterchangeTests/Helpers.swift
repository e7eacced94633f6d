import Architectures
import Containers
import Foundation
import Interchange
import Networks
import Torch

/// A folder that goes when the last reference does.
final class TemporaryFolder: Sendable {
  let url = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)

  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: url) }
}

/// A small network with everything that a model file holds.
func sampleModel() throws -> Model {
  let network = try Network.dec3(input: [1, 8, 8], classes: 3, units: [2, 3, 4], seed: 1)
  return Model(
    network: network,
    preprocessing: Preprocessing(channelOrder: .grey, height: 8, width: 8, mean: [0.1], std: [0.3], resize: 10),
    classNames: ["né", "数字", "a \"quoted\"\nname 🙂"], recipe: "epochs: 3\nlr: 0.1 # größer\n", plan: #"{"a": 1}"#,
    figures: ["top1": 91.25, "epoch": 3])
}

/// The sentence of the error that `body` throws.
func message(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "nothing was thrown"
  } catch {
    return "\(error)"
  }
}

/// Numbers that look random and are the same in every run.
struct Noise {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33)
  }
}

extension Model {
  /// What the file that the model was read from gives where the network gives these logits.
  func givenOutputs(_ logits: Tensor) -> Tensor {
    switch interface.outputActivation {
    case nil: logits
    case .softmax: logits.softmax(axis: 1)
    case .logSoftmax: logits.logSoftmax(axis: 1)
    case .sigmoid: logits.sigmoid
    }
  }
}
