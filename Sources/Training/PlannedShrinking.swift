import Compaction
import Foundation
import Networks
import Torch

/// The cut that a training with the partial regulariser leads to: the plan that will make it, and when.
///
/// At every evaluation the plan for the size that is due now is made, by the planner, losses and decompositions that
/// will make the cut; between two, proximal steps shrink what this plan would cut, and nothing else. The size that is
/// due falls from the whole to the target; in the last part of the training everything that the plan cuts is taken out
/// at every step, so that at its end the cut changes nothing.
public struct CutTarget: Sendable, Codable, Equatable {
  public var settings: PlanSettings
  /// How many training images' activations decide what is cut; 0 leaves it to the weights.
  public var activationImages: Int
  /// Names of layers that stay as they are; see `Compressor`.
  public var skip: [String]?

  /// The share of the training after which the target is due.
  static let arrival = 0.5
  /// The share of the training after which nothing is left of what the plan cuts.
  static let settling = 0.9
  /// Plans are made so often in a training at least, and four times an epoch.
  static let plans = 12

  public init(_ settings: PlanSettings, activationImages: Int, skip: [String]? = nil) {
    self.settings = settings
    self.activationImages = activationImages
    self.skip = skip
  }

  /// What makes the plan that is due after `progress`, 0…1, of the training.
  ///
  /// - Parameter whole: the cost of the network where training started, which sizes relate to.
  func compressor(at progress: Double, whole: Cost) -> Compressor {
    var settings = settings
    settings.target = settings.target.partway(min(1, progress / Self.arrival))
    settings.whole = whole
    return Compressor(settings, skip: skip)
  }
}

extension Target {
  /// The target on the way there, by equal factors in equal parts: at 0 everything stays, at 1 it is the target. An
  /// energy is one from the start.
  func partway(_ share: Double) -> Target {
    switch self {
    case .energy: self
    case .size(let fractions):
      .size(
        Fractions(parameters: fractions.parameters.map { pow($0, share) }, macs: fractions.macs.map { pow($0, share) }))
    case .time(let fraction): .time(pow(fraction, share))
    }
  }
}

extension Trainer {
  /// Steps between two plans of the partial regulariser.
  private func stepsBetweenPlans(batches: Int) -> Int {
    let steps = options.steps(ofBatches: batches)
    return max(1, min(steps / 4, options.epochs * steps / CutTarget.plans))
  }

  /// Makes the plan that is due, if it is time for one, and binds it to the network.
  mutating func planCut(_ state: borrowing TrainingState, _ progress: Double, batches: Int) throws {
    guard let target = options.cutTarget, options.regularizer.partial != nil else { return }
    // What goes to nothing in the last part is not exchanged for something else.
    guard partial == nil || !isSettling(progress) else { return }
    let place = position.step / stepsBetweenPlans(batches: batches)
    guard position.cutPlace != place else { return }
    let network = state.snapshot()
    do {
      var compressor = target.compressor(at: progress / Double(options.epochs), whole: whole)
      compressor.clock = layerClock
      compressor = try compressor.seeing(
        data, of: network, images: target.activationImages, seed: options.seed, device: device, PartProgress())
      let plan = try compressor.plan(for: network)
      let cut = try PlannedCut(plan, of: network)
      (position.cutPlace, position.cut) = (place, cut)
      partial = try PartialRegularization(cut, on: network)
    } catch is TorchError {
      throw Divergence(step: position.step)
    }
  }

  /// Binds the cut of the checkpoint that training goes on from.
  mutating func bindCut(to network: Network) throws {
    partial = try position.cut.map { try PartialRegularization($0, on: network) }
  }

  /// How much of what the plan cuts goes in the next proximal step.
  func shrinkage(_ progress: Double) -> Shrinkage? {
    guard let shrinkage = options.regularizer.partial else { return nil }
    return isSettling(progress) ? Shrinkage(.multiplicative, share: 1) : shrinkage
  }

  private func isSettling(_ progress: Double) -> Bool { progress >= CutTarget.settling * Double(options.epochs) }
}
