import Compaction
import Containers
import Datasets
import Foundation
import Interchange
import Networks
import Torch

/// What a network reached at one point of its way from dense to compact.
public struct CompressionStage: Sendable, Codable, Equatable {
  /// `dense`, `compact`, `recalibrated` or `finetuned`.
  public var name: String
  /// On the images everything is selected on.
  public var accuracy: Accuracy

  public init(name: String, accuracy: Accuracy) {
    self.name = name
    self.accuracy = accuracy
  }
}

/// A compact network with what became of it on the way.
public struct Compressed: Sendable {
  public var model: Model
  public var plan: Plan
  public var proof: EqualityProof
  public var stages: [CompressionStage]
  /// Whether batch norm's statistics were measured again and that was kept.
  public var recalibrated: Bool

  /// What the compact network reached before any fine-tuning; nil when it was made without images.
  public var accuracy: Accuracy? { stages.last { $0.name == (recalibrated ? "recalibrated" : "compact") }?.accuracy }
}

/// From a dense network to a compact one: plan, narrow, factorise, prove, measure batch norm again.
public struct Compression {
  public var compressor: Compressor
  /// Whether batch norm is measured again: when it helps on the selection images, or always.
  public var recalibrates: Recalibration
  public var seed: UInt64
  /// How many training images' activations decide what is cut; 0 leaves it to the weights.
  public var activationImages = 0
  /// Whether layers are weighed by what their loss does to the outputs for these images.
  public var weighsEffects = false
  /// Where images are run through networks.
  public var device = Device.cpu
  public var parts = PartProgress()
  /// What networks are held against where images have no labels.
  public var original: Original?

  public enum Recalibration: Sendable { case whenBetter, always }

  public init(_ compressor: Compressor, recalibrates: Recalibration = .whenBetter, seed: UInt64) {
    self.compressor = compressor
    self.recalibrates = recalibrates
    self.seed = seed
  }

  /// What `compress` would do; the model stays as it is.
  ///
  /// - Parameter data: nil plans by the weights alone.
  /// - Throws: `PlanError`, `DatasetError`, `TorchError`.
  public func plan(_ network: Network, on data: Dataset?) throws -> Plan {
    try compressor.seeing(
      data, of: network, images: activationImages, effects: weighsEffects, seed: seed, device: device, parts
    ).plan(for: network, parts)
  }

  /// - Parameters:
  ///   - data: nil compresses without looking at an image.
  ///   - plan: one from elsewhere, possibly edited; nil makes one.
  /// - Throws: `PlanError`, `CompactionError` when equality cannot be proved, `DatasetError`.
  public func compress(_ model: Model, on data: Dataset?, by plan: Plan? = nil) throws -> Compressed {
    var stages: [CompressionStage] = []
    // Without labels the network is what it is held against.
    if let data, data.hasLabels { stages.append(try stage("dense", model.network, data)) }
    let images = plan.map { $0.activationImages ?? 0 } ?? activationImages
    let compressor = try compressor.seeing(
      data, of: model.network, images: images, effects: weighsEffects && plan == nil, seed: seed, device: device, parts)
    let (compacted, proof) = try compressor.proved(
      model.network,
      by: plan.map { try compressor.fitted($0, to: model.network) } ?? compressor.plan(for: model.network, parts))
    var result = Compressed(
      model: model, plan: compacted.plan, proof: proof, stages: stages, recalibrated: false)
    result.model.network = compacted.network
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    result.model.plan = String(decoding: try encoder.encode(compacted.plan), as: UTF8.self)
    result.model.figures = figures(of: compacted.plan)
    guard let data else { return result }
    let compact = try stage("compact", compacted.network, data)
    result.stages.append(compact)
    guard compacted.network.nodes.contains(where: \.keepsStatistics) else { return result }
    let sample = StatisticsSample(of: data.shape)
    parts.begin("re-estimating batch norm", sample.images(of: data.train.count), "images")
    let renewed = try compacted.network.recalibrated(
      on: data, sample: sample, seed: seed, device: device, progress: parts.advance)
    let recalibrated = try stage("recalibrated", renewed, data)
    result.stages.append(recalibrated)
    if recalibrates == .always || recalibrated.accuracy.isBetter(than: compact.accuracy) {
      result.recalibrated = true
      result.model.network = renewed
    }
    return result
  }

  private func stage(_ name: String, _ network: Network, _ data: Dataset) throws -> CompressionStage {
    let source = data.selection
    parts.begin("evaluating the \(name) network", source.count, "images")
    let accuracy = try network.accuracy(
      on: source, of: data, like: original, device: device, progress: parts.advance)
    return CompressionStage(name: name, accuracy: accuracy)
  }

  private func figures(of plan: Plan) -> [String: Double] {
    let whole = compressor.settings.whole ?? plan.original
    return [
      "parameters": Double(plan.predicted.parameters), "macs": Double(plan.predicted.macs),
      "denseParameters": Double(whole.parameters), "denseMacs": Double(whole.macs),
    ]
  }
}

/// Told of the parts of a longer job.
public struct PartProgress {
  /// The name of what begins, how many items it will take and what they are.
  public var begin: (String, Int, String) -> Void
  /// How many items are done.
  public var advance: (Int) throws -> Void

  public init(
    begin: @escaping (String, Int, String) -> Void = { _, _, _ in }, advance: @escaping (Int) throws -> Void = { _ in }
  ) {
    self.begin = begin
    self.advance = advance
  }
}

extension Compressor {
  /// The same with the moments of what layers read for so many training images, if any.
  ///
  /// - Throws: `DatasetError`, and what `parts` throw.
  func seeing(
    _ data: Dataset?, of network: Network, images: Int, effects: Bool = false, seed: UInt64, device: Device,
    _ parts: PartProgress
  ) throws -> Compressor {
    guard let data, images > 0 else { return self }
    var compressor = self
    parts.begin("measuring activations", min(images, data.train.count), "images")
    compressor.moments = try network.inputMoments(
      on: data, images: images, seed: seed, device: device, progress: parts.advance)
    if effects {
      var batches: [Tensor] = []
      let loader = BatchLoader(data.train, .measuring(data, batchSize: 128, seed: seed))
      while batches.count * 128 < images, let batch = try loader.next() {
        batches.append(batch.tensors(on: .cpu).images.clone)
      }
      compressor = try compressor.weighing(network, on: batches) { count in
        parts.begin("measuring effects", count, "layers")
      } advance: {
        try parts.advance(1)
      }
    }
    return compressor
  }

  /// The plan, with the progress of making it.
  ///
  /// - Throws: `PlanError`, `TorchError`, and what `parts` throw.
  func plan(for network: Network, _ parts: PartProgress) throws -> Plan {
    var isPlanning = false
    return try plan(for: network) { expected in
      if isPlanning { try parts.advance(1) } else { parts.begin("planning", expected, "plans") }
      isPlanning = true
    }
  }

  /// Applies a plan and proves what came out.
  ///
  /// - Throws: `CompactionError` when equality cannot be proved.
  func proved(_ network: Network, by plan: Plan) throws -> (Compacted, EqualityProof) {
    let compacted = try apply(plan, to: network)
    do {
      return (compacted, try prove(compacted))
    } catch let error as CompactionError {
      let images = try ProofImages(for: [network])
      guard let own = try images.resized(network).complaint(on: images.batch) else { throw error }
      throw CompactionError(EqualityProof.sentence(own, of: "the network itself, with nothing cut,"))
    }
  }
}

extension Dataset {
  /// The images that everything is selected on: those held out, else some of the training images; never the test's.
  public var selection: any ImageSource {
    validation ?? ImageSubset(of: train, indices: Array(0..<min(train.count, 5000)))
  }
}
