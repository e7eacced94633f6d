import Foundation
import Torch

/// One proximal step on all regularised parameters: decided here as values, put in place by the trainer.
public struct ProximalStep {
  /// The parameters that change.
  public private(set) var changed: [String: Tensor] = [:]
  /// Slices along axis 0, by parameter, of units that are zero now: their momentum must be zero too.
  public private(set) var dead: [String: [Int]] = [:]
  /// The spectrum of each regularised layer after the thresholding, by layer.
  public private(set) var spectra: [String: Spectrum] = [:]
  /// How many units of each channel group are not zero.
  public private(set) var active: [String: (active: Int, count: Int)] = [:]
  /// The change of basis of pairs, by the parameters of their factors.
  private var bases: [String: (basis: FactorBasis, isFirst: Bool)] = [:]
  /// Units that became zero in this step.
  public private(set) var deaths: [Death] = []

  /// A unit that became zero, by its channel group and its place in it.
  public struct Death: Sendable, Equatable {
    public var group: String
    public var unit: Int
  }

  /// - Parameters:
  ///   - regularization: what to do.
  ///   - parameters: the network's parameters.
  ///   - t: the step, Σ lr/(1 − m) over the optimiser steps since the last proximal step, times the warm-up's share.
  /// - Throws: `TorchError` when a decomposition does not converge, as on NaN.
  public init(_ regularization: Regularization, on parameters: [String: Tensor], t: Double) throws {
    let before = parameters
    var current = parameters
    thresholdElements(regularization, &current, t)
    switch regularization.regularizer.order {
    case .nuclearFirst:
      try thresholdSingularValues(regularization, &current, t)
      thresholdGroups(regularization, &current, t)
    case .groupFirst:
      thresholdGroups(regularization, &current, t)
      try thresholdSingularValues(regularization, &current, t)
    }
    findDead(regularization.groups.map(\.group), before, current)
    if regularization.regularizer.restoresNorm { restoreNorms(regularization, &current) }
  }

  /// The step of the partial regulariser.
  ///
  /// - Parameters:
  ///   - partial: what is to vanish.
  ///   - regularization: whether norms are restored, and what they were.
  /// - Throws: as `init(_:on:t:)`.
  public init(
    _ partial: PartialRegularization, _ shrinkage: Shrinkage, _ regularization: Regularization,
    on parameters: [String: Tensor]
  ) throws {
    changed = try partial.changed(parameters, shrinkage)
    var current = parameters.merging(changed) { $1 }
    findDead(partial.affectedGroups, parameters, current)
    if regularization.regularizer.restoresNorm { restoreNorms(regularization, &current) }
  }

  private mutating func thresholdSingularValues(
    _ regularization: Regularization, _ current: inout [String: Tensor], _ t: Double
  ) throws {
    guard regularization.regularizer.nuclear > 0 else { return }
    for (target, low) in try LowRankMatrices(regularization, current, t).matrices {
      switch low {
      case .whole(let low):
        spectra[target.layer] = low.spectrum
        set(target.weights[0], low.matrix, like: current[target.weights[0]], &current)
      case .pair(let low):
        spectra[target.layer] = low.spectrum
        set(target.weights[0], low.first, like: current[target.weights[0]], &current)
        set(target.weights[1], low.second, like: current[target.weights[1]], &current)
        bases[target.weights[0]] = (low.basis, isFirst: true)
        bases[target.weights[1]] = (low.basis, isFirst: false)
      }
    }
  }

  /// The momentum of a factor in the new basis of its pair; nil where the basis stayed.
  public func carried(_ momentum: Tensor, of parameter: String) -> Tensor? {
    guard let (basis, isFirst) = bases[parameter] else { return nil }
    let matrix = momentum.to(.cpu).to(.float64).unfolded
    let carried = isFirst ? basis.carriedFirst(matrix) : basis.carriedSecond(matrix)
    return carried.reshaped(momentum.shape).to(momentum.dtype).to(momentum.device)
  }

  private mutating func thresholdElements(
    _ regularization: Regularization, _ current: inout [String: Tensor], _ t: Double
  ) {
    guard regularization.regularizer.group > 0, regularization.regularizer.sparsity > 0 else { return }
    for target in regularization.groups {
      let s = regularization.thresholds(of: target, t: t, current).element
      for (name, tensor) in target.group.softThresholded(current, by: s) where !regularization.isFactor(name) {
        set(name, tensor, &current)
      }
    }
  }

  private mutating func thresholdGroups(
    _ regularization: Regularization, _ current: inout [String: Tensor], _ t: Double
  ) {
    guard regularization.regularizer.group > 0 else { return }
    for target in regularization.groups {
      let seen = regularization.seeingProducts(current, of: target.group)
      let threshold = regularization.thresholds(of: target, t: t, seen).group
      for (name, tensor) in GroupThresholding(target.group, current, seen: seen, threshold: threshold).parameters {
        set(name, tensor, &current)
      }
    }
  }

  private mutating func findDead(
    _ groups: [ChannelGroup], _ before: [String: Tensor], _ current: [String: Tensor]
  ) {
    for group in groups {
      let now = group.norms(current)
      active[group.name] = (now.filter { $0 > 0 }.count, now.count)
      guard now.contains(0) else { continue }
      let then = group.norms(before)
      for unit in now.indices where now[unit] == 0 {
        if then[unit] != 0 { deaths.append(Death(group: group.name, unit: unit)) }
        for member in group.members { dead[member.parameter, default: []] += member.slices[unit] }
      }
    }
  }

  private mutating func restoreNorms(_ regularization: Regularization, _ current: inout [String: Tensor]) {
    let regularizer = regularization.regularizer
    // Where no group shortened or took rows behind them, singular values say what the norm is now.
    let isLast = regularizer.order == .groupFirst || regularizer.group == 0
    let areKnown = isLast || (deaths.isEmpty && regularizer.groupNorm == .scale)
    for (layer, weights) in regularization.normalized where weights.contains(where: changed.keys.contains) {
      let known = areKnown ? spectra[layer]?.error(of: 0) : nil
      guard let wanted = regularization.start.norm[layer],
        let norm = known ?? Regularization.matrix(weights, current)?.norm, norm > 0, wanted > 0
      else { continue }
      // Both factors of a pair take their part, so that they stay balanced.
      let factor = pow(wanted / norm, 1 / Double(weights.count))
      for name in weights { if let weight = current[name] { set(name, weight * factor, &current) } }
    }
  }

  private mutating func set(
    _ name: String, _ matrix: Tensor, like weight: Tensor?, _ current: inout [String: Tensor]
  ) {
    set(name, weight.map { matrix.reshaped($0.shape) } ?? matrix, &current)
  }

  private mutating func set(_ name: String, _ tensor: Tensor, _ current: inout [String: Tensor]) {
    current[name] = tensor
    changed[name] = tensor
  }
}
