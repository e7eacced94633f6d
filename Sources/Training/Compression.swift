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
  public var compactor: Compactor
  /// Whether batch norm is measured again: when it helps on the selection images, or always.
  public var recalibrates: Recalibration
  public var seed: UInt64
  /// How many training images' responses decide what is cut; 0 leaves it to the weights.
  public var responses = 0
  /// Where images are run through networks.
  public var device = Device.cpu
  public var parts = PartProgress()

  public enum Recalibration: Sendable { case whenBetter, always }

  public init(_ compactor: Compactor, recalibrates: Recalibration = .whenBetter, seed: UInt64) {
    self.compactor = compactor
    self.recalibrates = recalibrates
    self.seed = seed
  }

  /// What `compress` would do; nothing is changed.
  ///
  /// - Throws: as `compress`.
  public func plan(_ model: Model, on data: Dataset?) throws -> Plan {
    let looking = try compactor.looking(
      at: model.network, on: data, responses: responses, seed: seed, device: device, parts)
    return try looking.plan(for: model.network, progress: parts.planning())
  }

  /// - Parameters:
  ///   - plan: what is done; nil makes the plan first.
  ///   - data: nil compresses without looking at an image.
  /// - Throws: `PlanError`, `CompactionError` when equality cannot be proved, `DatasetError`.
  public func compress(_ model: Model, by plan: Plan? = nil, on data: Dataset?) throws -> Compressed {
    var stages: [CompressionStage] = []
    if let data { stages.append(try stage("dense", model.network, data)) }
    let (compacted, proof) = try compactor.proved(
      model.network, by: plan, on: data, responses: plan.map { $0.responses ?? 0 } ?? responses, seed: seed,
      device: device, parts)
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
    guard compacted.network.nodes.contains(where: { $0.operation is BatchNorm }) else { return result }
    parts.begin("measuring batch norm again", min(60 * 128, data.train.count), "images")
    let renewed = try compacted.network.recalibrated(on: data, seed: seed, device: device, progress: parts.advance)
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
    let accuracy = try network.accuracy(on: source, of: data, device: device, progress: parts.advance)
    return CompressionStage(name: name, accuracy: accuracy)
  }

  private func figures(of plan: Plan) -> [String: Double] {
    let whole = compactor.planner.whole ?? plan.original
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

extension PartProgress {
  /// Told before each look at a network how many are expected in all.
  func planning() -> (_ expected: Int) throws -> Void {
    var isPlanning = false
    return { expected in
      if isPlanning { try advance(1) } else { begin("planning", expected, "plans") }
      isPlanning = true
    }
  }
}

extension Compactor {
  /// The compactor with the moments of what layers read for so many training images, if any.
  func looking(
    at network: Network, on data: Dataset?, responses: Int, seed: UInt64, device: Device, _ parts: PartProgress
  ) throws -> Compactor {
    guard let data, responses > 0 else { return self }
    var result = self
    parts.begin("looking at what layers read", min(responses, data.train.count), "images")
    result.moments = try network.inputMoments(
      on: data, images: responses, seed: seed, device: device, progress: parts.advance)
    return result
  }

  /// Looks at what layers read for so many training images, if any, then plans where no plan is given, narrows,
  /// factorises and proves.
  ///
  /// - Throws: `PlanError`, `CompactionError` when equality cannot be proved, `DatasetError`, and what `parts` throw.
  func proved(
    _ network: Network, by plan: Plan? = nil, on data: Dataset?, responses: Int, seed: UInt64, device: Device,
    _ parts: PartProgress
  ) throws -> (Compacted, EqualityProof) {
    let compactor = try looking(at: network, on: data, responses: responses, seed: seed, device: device, parts)
    let compacted =
      try plan.map { try compactor.compact(network, by: $0) }
      ?? compactor.compact(network, progress: parts.planning())
    do {
      return (compacted, try EqualityProof(reference: compacted.truncated, candidate: compacted.network))
    } catch let error as CompactionError {
      let images = try ProofImages(for: [network])
      guard let own = try images.resized(network).complaint(on: images.batch) else { throw error }
      throw CompactionError(EqualityProof.sentence(own, of: "the network itself, with nothing cut,"))
    }
  }
}

extension Accuracy {
  /// More images right, or as many at a lower loss.
  func isBetter(than other: Accuracy) -> Bool { (top1, -loss) > (other.top1, -other.loss) }
}

extension Dataset {
  /// The images that everything is selected on: those held out, else some of the training images; never the test's.
  public var selection: any ImageSource {
    validation ?? ImageSubset(of: train, indices: Array(0..<min(train.count, 5000)))
  }
}
