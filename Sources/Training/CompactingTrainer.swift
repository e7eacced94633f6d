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
  /// Epochs after which the network is made smaller, counted from 1.
  public var epochs: [Int]
  /// Ranks by energy, and the units that carry nothing.
  public var energy: Double
  public var measure: EnergyMeasure
  public var minimumRank: Int
  public var minimumUnits: Int
  /// Names of layers that stay as they are; see `Compactor`.
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
    after epochs: [Int], energy: Double, measure: EnergyMeasure = .sum, minimumRank: Int = 1, minimumUnits: Int = 1,
    skip: [String]? = nil, momentum: Momentum = .carry
  ) {
    self.epochs = epochs
    self.energy = energy
    self.measure = measure
    self.minimumRank = minimumRank
    self.minimumUnits = minimumUnits
    self.skip = skip
    self.momentum = momentum
  }

  var compactor: Compactor {
    Compactor(
      Planner(goal: .energy(energy), measure: measure, minimumRank: minimumRank, minimumUnits: minimumUnits),
      skip: skip)
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

  /// Makes the network smaller between two epochs; training goes on with what is left.
  ///
  /// - Throws: `CompactionError` when equality cannot be proved, `TorchError`, `ContainerError` when the disk refuses.
  mutating func compact(_ state: inout TrainingState, _ regularization: inout Regularization) throws {
    guard let compaction = options.compaction else { return }
    let clock = ContinuousClock.now
    let compacted = try compaction.compactor.compact(state.snapshot())
    _ = try EqualityProof(reference: compacted.truncated, candidate: compacted.network)
    var memory = OptimizerMemory()
    // AdamW's squares have no chain rule, and its averages are nothing without them.
    if compaction.momentum == .carry, options.optimizer == .sgd {
      memory.momenta = compacted.carrying(state.memory.momenta)
    }
    let network = try settled(compacted.network)
    state = try TrainingState(network, memory: memory, on: device, teacher: usedTeacher)
    regularization = try Regularization(options.regularizer, on: network, start: position.start)
    regularization.measureNorms(of: network)
    position.start = regularization.start
    position.spectralSums = nil
    position.architecture = Architecture(network)
    position.compactedAfter = position.epoch
    position.seconds += clock.elapsed
    if position.epoch == options.epochs { try model(network, nil).write(to: folder.best) }
    try save(state)
    observe(.compacted(epoch: position.epoch, compacted.plan))
  }

  /// The network with batch norm measured again where that helps and no epoch follows that would do it.
  private func settled(_ network: Network) throws -> Network {
    guard position.epoch == options.epochs else { return network }
    let renewed = try network.recalibrated(on: data, seed: options.seed, device: device)
    let accuracies = try [network, renewed].map { try $0.accuracy(on: data.selection, of: data, device: device) }
    return accuracies[1].isBetter(than: accuracies[0]) ? renewed : network
  }
}
