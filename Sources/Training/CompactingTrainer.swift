import Compaction
import Containers
import Foundation
import Networks
import Torch

/// When a network is made smaller while it trains, and how.
///
/// After each of these epochs it is narrowed and factorised, and the smaller one goes on training, its layers under the
/// same regulariser: a pair by the product of its factors (Alvarez & Salzmann 2017). Later epochs cost less.
public struct TrainingCompaction: Sendable, Codable, Equatable {
  /// Epochs after which the network is made smaller, counted from 1, rising.
  public let epochs: [Int]
  /// Its target is a share of the energy, which every layer keeps each time; or a size, which the last time reaches,
  /// the ones before by equal factors on the way there.
  public var settings: PlanSettings
  /// How many training images' activations decide what is cut; 0 leaves it to the weights.
  public var activationImages: Int
  /// Names of layers that stay as they are; see `Compressor`.
  public var skip: [String]?
  public var momentum: Momentum

  /// What becomes of the momenta.
  public enum Momentum: String, Sendable, Codable, CaseIterable {
    /// They follow the new parameters by the chain rule; see `Compacted.carrying`.
    case carry
    /// They start from nothing.
    case reset
  }

  public init(
    after epochs: [Int], _ settings: PlanSettings, activationImages: Int = 0, skip: [String]? = nil,
    momentum: Momentum = .carry
  ) {
    self.epochs = Set(epochs).sorted()
    self.settings = settings
    self.activationImages = activationImages
    self.skip = skip
    self.momentum = momentum
  }

  /// What makes the network smaller after this epoch.
  ///
  /// - Parameter whole: the cost of the network where training started, which sizes relate to. Times relate to the
  ///   network at hand.
  func compressor(after epoch: Int, whole: Cost) -> Compressor {
    var settings = settings
    settings.target = target(after: epoch)
    settings.whole = whole
    return Compressor(settings, skip: skip)
  }

  private func target(after epoch: Int) -> Target {
    let count = Double(epochs.count)
    let share = Double(epochs.filter { $0 <= epoch }.count) / count
    // Times relate to the network at hand.
    if case .time = settings.target { return settings.target.partway(1 / count) }
    return settings.target.partway(share)
  }
}

extension Trainer {
  /// Whether the network is to be made smaller before the next epoch, and was not yet.
  var isTimeToCompact: Bool {
    guard let compaction = options.compaction, position.batch == 0, position.compactedAfter != position.epoch else {
      return false
    }
    return compaction.epochs.contains(position.epoch)
  }

  /// Refuses a size that cannot be reached before epochs have gone into it.
  ///
  /// - Throws: `PlanError`.
  func checkReach(of network: Network) throws {
    guard let compaction = options.compaction, let last = compaction.epochs.last, position.step == 0 else { return }
    try compaction.compressor(after: last, whole: whole).checkReach(of: network)
  }

  /// Makes the network smaller between two epochs; training goes on with what is left.
  ///
  /// - Throws: `CompactionError` when equality cannot be proved, `TorchError`, `ContainerError` when the disk refuses.
  mutating func compact(_ state: inout TrainingState, _ regularization: inout Regularization) throws {
    guard let compaction = options.compaction else { return }
    let clock = ContinuousClock.now
    var compressor = compaction.compressor(after: position.epoch, whole: whole)
    compressor.clock = layerClock
    let parts = PartProgress(
      begin: { [observe] in observe(.began(part: $0, count: $1, unit: $2)) },
      advance: { [observe, shouldStop, position] count in
        observe(.advanced(count))
        // The epoch before is saved.
        if shouldStop() { throw TrainingInterruption.stopped(epoch: position.epoch, step: position.step) }
      })
    let compacted: Compacted
    do {
      let network = state.result()
      compressor = try compressor.seeing(
        data, of: network, images: compaction.activationImages, seed: options.seed, device: device, parts)
      (compacted, _) = try compressor.proved(network, by: compressor.plan(for: network, parts))
    } catch  where position.isGood == false && (error is CompactionError || error is TorchError) {
      // Of a network that has exploded nothing can be cut or proved.
      throw Divergence(step: position.step)
    }
    // An average of the weights begins anew too.
    var memory = OptimizerMemory()
    // AdamW's squares have no chain rule, and its averages are nothing without them.
    if compaction.momentum == .carry, options.optimizer == .sgd {
      memory.momenta = compacted.carrying(state.memory.momenta)
    }
    let network = try recalibratedAtEnd(compacted.network)
    state = try beginning(network, memory)
    regularization = try Regularization(options.regularizer, on: network, start: position.start)
    regularization.measureNorms(of: network)
    // What was planned was for the network before.
    (position.cut, position.cutPlace, partial) = (nil, nil, nil)
    position.start = regularization.start
    position.spectralSums = nil
    // What was cut may have to learn anew.
    position.steadiness = Steadiness(reached: nil)
    position.architecture = Architecture(network)
    position.compactedAfter = position.epoch
    position.seconds += clock.elapsed
    if position.epoch == options.epochs { try model(network, nil).write(to: folder.best) }
    try save(state, isGood: position.isGood ?? true)
    observe(.compacted(epoch: position.epoch, compacted.plan))
  }

  /// The network with batch norm measured again where that helps and no epoch follows that would do it.
  private func recalibratedAtEnd(_ network: Network) throws -> Network {
    guard position.epoch == options.epochs else { return network }
    let renewed = try network.recalibrated(on: data, seed: options.seed, device: device)
    let accuracies = try [network, renewed].map { try $0.accuracy(on: data.selection, of: data, device: device) }
    return accuracies[1].isBetter(than: accuracies[0]) ? renewed : network
  }
}
