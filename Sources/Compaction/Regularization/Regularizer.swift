/// What training for compression adds to the loss: τ·Σ‖Θ̄_l‖_* + Σ_l λ_l Σ_n ‖θ_l^n‖₂ on the same weights.
///
/// (Alvarez & Salzmann 2017; with α > 0 the second term is the sparse group lasso of 2016.) A value: it says what is
/// wanted; `Regularization` binds it to a network.
public struct Regularizer: Sendable, Codable, Equatable {
  /// τ, the strength of the nuclear norm.
  public var nuclear: Double
  /// λ, the strength of the group lasso.
  public var group: Double
  /// α: the part of λ that goes to single elements, (1 − α)·λ_l·√P·‖θ_l^n‖₂ + α·λ_l·‖θ_l‖₁; 1 is the ℓ1 norm alone.
  public var sparsity: Double
  /// What the norm of a group is taken over.
  public var groupNorm: GroupLassoNorm
  public var order: Order
  public var frequency: Frequency
  public var scale: Scale
  /// Names of layers that are left out; `*` stands for anything. Nil leaves out the first convolution and the
  /// classifier.
  public var skip: [String]?
  /// Names of layers that are not trained, and so not regularised; `*` stands for anything.
  public var frozen: [String] = []
  /// Factors on the strength of layers whose name matches a pattern; the first that matches counts.
  public var strengths: [LayerStrength]
  /// Whether a weight that a batch norm follows gets its norm back after each step.
  ///
  /// The function stays the same, and the effective learning rate, which goes as 1/‖W‖², with it.
  public var restoresNorm: Bool
  /// Epochs over which the strength grows from zero.
  public var warmup: Double
  /// How what the plan would cut shrinks at every proximal step, in place of both norms; nil is not at all.
  public var partial: Shrinkage?

  /// Which of the two proximal operators is applied first.
  ///
  /// Single elements come before both: the last operator wins, and a soft threshold behind the others gives the lost
  /// ranks back (8 became 28 in a trial), while scaling whole units keeps a low rank.
  public enum Order: String, Sendable, Codable, CaseIterable {
    case nuclearFirst = "nuclear-first"
    case groupFirst = "group-first"
  }

  /// After how many optimiser steps a proximal step is made.
  public enum Frequency: Sendable, Equatable {
    case steps(Int)
    /// The paper's mode; equal to many small steps only to first order.
    case epoch
  }

  /// What a strength of 1 means.
  public enum Scale: String, Sendable, Codable, CaseIterable {
    /// The layer's mean singular value, and the mean norm of its groups, when training starts.
    case relative
    /// The paper's: τ itself, and λ·√P for groups of P scalars.
    case absolute
  }

  public init(
    nuclear: Double, group: Double, sparsity: Double = 0, groupNorm: GroupLassoNorm = .whole,
    order: Order = .nuclearFirst,
    frequency: Frequency = .steps(10), scale: Scale = .relative, skip: [String]? = nil,
    strengths: [LayerStrength] = [], restoresNorm: Bool = true, warmup: Double = 0, partial: Shrinkage? = nil
  ) {
    self.nuclear = nuclear
    self.group = group
    self.sparsity = sparsity
    self.groupNorm = groupNorm
    self.order = order
    self.frequency = frequency
    self.scale = scale
    self.skip = skip
    self.strengths = strengths
    self.restoresNorm = restoresNorm
    self.warmup = warmup
    self.partial = partial
  }

  /// Ordinary training.
  public static let none = Regularizer(nuclear: 0, group: 0)

  public var isNone: Bool { nuclear == 0 && group == 0 && partial == nil }

  /// The share of the full strength after `epochs` of training.
  public func strength(after epochs: Double) -> Double {
    warmup > 0 ? min(1, epochs / warmup) : 1
  }

  /// The factor on the strength of a layer, or of a channel group that several layers make.
  func factor(of layers: [String]) -> Double {
    strengths.first { strength in layers.contains(where: Pattern(strength.pattern).matches) }?.factor ?? 1
  }
}

/// A factor on the strength of the layers that a pattern names.
public struct LayerStrength: Sendable, Codable, Equatable {
  public var pattern: String
  public var factor: Double

  public init(pattern: String, factor: Double) {
    self.pattern = pattern
    self.factor = factor
  }
}

extension Regularizer.Frequency: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let steps = try? container.decode(Int.self), steps > 0 {
      self = .steps(steps)
    } else if (try? container.decode(String.self)) == "epoch" {
      self = .epoch
    } else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "expected a number of steps from 1, or epoch")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .steps(let count): try container.encode(count)
    case .epoch: try container.encode("epoch")
    }
  }
}
