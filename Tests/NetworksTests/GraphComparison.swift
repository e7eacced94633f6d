@testable import Networks
import Compaction
import Containers
import Foundation
import Interchange
import Torch

/// Everything that a network may be turned into or run as, compared with its nodes run one by one in float64.
struct GraphComparison {
  let network: Network
  /// Of the images.
  let seed: UInt64

  /// The first thing that is not what it should be, in a sentence; nil where all is.
  ///
  /// A fault shows for any images; where an activation bends or a maximum is a channel group, rounding may decide, but
  /// not twice.
  static func fault(in network: Network) throws -> String? {
    guard let first = try GraphComparison(network: network, seed: 1).fault() else { return nil }
    return try GraphComparison(network: network, seed: 2).fault() == nil ? nil : first
  }

  private func fault() throws -> String? {
    try evaluationFault() ?? trainingFault() ?? fileFault() ?? compactionFault()
  }

  private func images(_ count: Int = 3) -> Tensor {
    Tensor.normal([count] + network.inputShape, dtype: .float64, using: Generator(seed: seed))
  }

  private func run(
    _ network: Network, _ images: Tensor, fusing: Bool = false, as dtype: Tensor.DType = .float64
  ) throws -> Tensor {
    let program = try Program(network.placed(on: .cpu), fusing ? .training : .reference)
    let tensors = program.parameters.map { $0.to(dtype) }
    return withoutGradients { program.run(images.to(dtype), parameters: tensors, mode: .evaluation).output }
  }

  // MARK: In use

  private func evaluationFault() throws -> String? {
    let images = images()
    let truth = try run(network, images)
    let scale = truth.maximumMagnitude
    guard scale.isFinite, scale > 0 else { return nil }
    let exact = network.to(.float64)
    let inDoubles: [(String, () throws -> Tensor)] = [
      ("fused", { try run(network, images, fusing: true) }),
      ("batch norms folded", { try run(exact.foldingBatchNorm(), images) }),
      ("parameters separated", { try run(network.separatingParameters(), images) }),
      ("inference in float64", { try Program(exact, .inference(batch: 1))(images) }),
    ]
    for (what, output) in inDoubles {
      if let sentence = Self.difference(try output(), truth, allowing: 1e-8 * scale) { return "\(what): \(sentence)" }
    }
    let plain = try run(network, images, as: .float32).to(.float64)
    let rounding = (plain - truth).maximumMagnitude
    guard rounding <= 1e-3 * scale else { return nil }
    let single = images.to(.float32)
    let inFloats: [(String, () throws -> Tensor)] = [
      ("fused in float32", { try run(network, single, fusing: true, as: .float32) }),
      ("inference", { try Program(network, .inference(batch: 3))(single) }),
      ("inference, channels last", { try Program(network, .inference(batch: 1))(single.channelsLast) }),
      ("inference of one image", { try Program(network, .inference(batch: 1))(single.slice(axis: 0, from: 1, to: 2)) }),
    ]
    for (what, output) in inFloats {
      let found = try output()
      let wanted = found.shape[0] == 1 ? truth.slice(axis: 0, from: 1, to: 2) : truth
      if let sentence = Self.difference(found, wanted, allowing: 1e-4 * scale + 10 * rounding) {
        return "\(what): \(sentence)"
      }
    }
    return nil
  }

  // MARK: In training

  private struct Step {
    var values: [(what: String, tensor: Tensor)]
  }

  /// Output, gradients, and statistics but for those of batch norms that are applied twice, which depend on the order.
  private func trained(_ network: Network, fusing: Bool, as dtype: Tensor.DType) throws -> Step {
    let program = try Program(network.placed(on: .cpu), fusing ? .training : .reference)
    let names = program.parameterNames
    let trainable = Set(network.trainableNames)
    let tensors = program.parameters.enumerated().map { index, tensor in
      trainable.contains(names[index]) ? tensor.to(dtype).clone.leaf : tensor.to(dtype)
    }
    let leaves = names.indices.filter { trainable.contains(names[$0]) }
    let result = program.run(
      images(4).to(dtype).channelsLast, parameters: tensors, mode: .training, generator: Generator(seed: seed))
    let classes = result.output.shape[1]
    let labels = Tensor((0..<4).map { Int64($0 % classes) }, shape: [4])
    let gradients = result.output.crossEntropy(labels: labels).gradients(of: leaves.map { tensors[$0] })
    let uses = Dictionary(result.statistics.map { ($0.index, 1) }, uniquingKeysWith: +)
    let statistics = result.statistics.filter { uses[$0.index] == 1 }.sorted { $0.index < $1.index }
    return Step(
      values: [("output", result.output.detached)]
        + statistics.map { (names[$0.index], $0.value.detached) }
        + zip(leaves, gradients).map { ("gradient of \(names[$0])", $1) })
  }

  private func trainingFault() throws -> String? {
    let network = network.separatingParameters()
    guard !network.trainableNames.isEmpty else { return nil }
    let truth = try trained(network, fusing: false, as: .float64).values
    let fused = try trained(network, fusing: true, as: .float64).values
    let plain = try trained(network, fusing: false, as: .float32).values
    let single = try trained(network, fusing: true, as: .float32).values
    guard fused.count == truth.count, single.count == truth.count else { return "training gives other things fused" }
    let scales = truth.map(\.tensor.maximumMagnitude)
    guard scales.allSatisfy(\.isFinite) else { return nil }
    // Gradients that cancel are as large as those that do not, up to rounding.
    let largest = max(1, scales.max() ?? 1)
    let roundings = zip(plain, truth).map { ($0.tensor.to(.float64) - $1.tensor).maximumMagnitude }
    let isRough = zip(roundings, scales).contains { $0 > 1e-3 * max(1, $1) }
    for index in truth.indices {
      let (what, wanted) = truth[index]
      if let sentence = Self.difference(fused[index].tensor, wanted, allowing: 1e-8 * largest) {
        return "training, \(what): \(sentence)"
      }
      let allowed = 1e-3 * max(1, scales[index]) + 10 * roundings[index]
      if !isRough, let sentence = Self.difference(single[index].tensor, wanted, allowing: allowed) {
        return "training in float32, \(what): \(sentence)"
      }
    }
    return nil
  }

  // MARK: As a file and made small

  private func fileFault() throws -> String? {
    let truth = try run(network, images())
    guard truth.maximumMagnitude.isFinite else { return nil }
    let text = try JSONEncoder().encode(Architecture(network))
    let read = try JSONDecoder().decode(Architecture.self, from: text).network(with: network.parameters)
    if let sentence = Self.difference(try run(read, images()), truth, allowing: 0) { return "JSON: \(sentence)" }
    let channels = network.inputShape[0]
    let model = Model(
      network: network,
      preprocessing: Preprocessing(
        channelOrder: channels == 1 ? .grey : .rgb, height: network.inputShape[1], width: network.inputShape[2],
        mean: Array(repeating: 0.5, count: channels), std: Array(repeating: 0.2, count: channels)),
      classNames: (0..<truth.shape[1]).map { "class \($0)" })
    for folds in [false, true] {
      do {
        _ = try ONNXFile.data(of: model, foldingBatchNorm: folds)
      } catch let error as CompactionError where error.description.contains("nothing can be proved") {
        return nil
      } catch let error as ContainerError
        where error.description.contains("reads a constant")
        || error.description.contains("reads images of")
      {
        // A layer of something stored is written, but not read back, and an image whose axes are turned at once is
        // taken for one with its channels last; nothing is wrong with a refusal.
        return nil
      } catch {
        return "ONNX: \(error)"
      }
    }
    return nil
  }

  private func compactionFault() throws -> String? {
    for settings in [
      PlanSettings(target: .parameters(0.6), units: .weakest), PlanSettings(target: .energy(0.8), units: .zero),
    ] {
      do {
        let compacted = try Compressor(settings, skip: []).compact(network)
        _ = try EqualityProof(reference: compacted.truncated, candidate: compacted.network)
      } catch is PlanError {
        continue
      } catch let error as CompactionError where error.description.contains("nothing can be proved") {
        continue
      } catch {
        return "compaction: \(error)"
      }
    }
    return nil
  }

  /// Nil where the two are as near as `limit`.
  private static func difference(_ found: Tensor, _ wanted: Tensor, allowing limit: Double) -> String? {
    guard found.shape == wanted.shape else { return "shape \(found.shape), expected \(wanted.shape)" }
    let difference = (found.to(.float64) - wanted).maximumMagnitude
    return difference <= limit ? nil : "off by \(difference) of \(wanted.maximumMagnitude), allowed is \(limit)"
  }
}

extension Network {
  /// The nodes, one a line, as a person who looks for the fault reads them.
  var listing: String {
    let shapes = (try? validate()) ?? [:]
    let lines = nodes.map { node in
      let parameters = node.parameters.sorted { $0.key < $1.key }.map { "\($0.key.rawValue): \($0.value)" }
      return """
        \(node.name) = \(node.operation) of \(node.inputs.joined(separator: ", ")) \
        [\(parameters.joined(separator: ", "))] → \(shapes[node.name] ?? [])
        """
    }
    return (["input \(inputShape)"] + lines + ["output \(output)"]).joined(separator: "\n")
  }
}
