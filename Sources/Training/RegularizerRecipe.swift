import Compaction

/// What training adds to the loss: the setting, what `Regularizer` is made of it, and what it may not be.
public struct RegularizerRecipe: Sendable, Equatable, Codable {
  /// Strengths τ of the nuclear norm and λ of the group lasso.
  public var nuclear: Double?
  public var group: Double?
  /// α, the part of λ that goes to single elements.
  public var sparsity = 0.0
  public var groupNorm = GroupLassoNorm.scale
  public var order = Regularizer.Order.nuclearFirst
  public var scale = Regularizer.Scale.relative
  public var proximalEvery = Regularizer.Frequency.steps(10)
  /// Layers that are left alone, by the compression too.
  public var skip: [String]?
  public var strengths: [LayerStrength] = []
  public var restoreNorm = true
  /// Epochs over which the strength grows from zero, once the network has begun to learn; nil is half of all.
  public var strengthWarmup: Double?
  /// The share of what the plan for the target would cut that goes at every proximal step, in place of both norms; nil
  /// is none.
  public var partial: Double?
  public var shrinkage = Shrinkage.Form.multiplicative
  /// Whether the strength follows the target size; nil where a strength was left open.
  public var automaticStrength: Bool?

  public init() {}
}

extension RegularizerRecipe {
  /// Whether nothing is added to the loss: both strengths were set to zero.
  public var isOff: Bool { nuclear == 0 && group == 0 && partial == nil }

  /// No strength for either.
  public static var off: RegularizerRecipe {
    var result = RegularizerRecipe()
    (result.nuclear, result.group) = (0, 0)
    return result
  }
}

extension Recipe {
  /// What training adds to the loss; strengths that are still open count as zero.
  public var regularization: Regularizer {
    var result = Regularizer(
      nuclear: regularizer.nuclear ?? 0, group: regularizer.group ?? 0, sparsity: regularizer.sparsity,
      groupNorm: regularizer.groupNorm, order: regularizer.order, frequency: regularizer.proximalEvery,
      scale: regularizer.scale, skip: regularizer.skip, strengths: regularizer.strengths,
      restoresNorm: regularizer.restoreNorm, warmup: regularizer.strengthWarmup ?? Double(training.epochs) / 2,
      partial: regularizer.partial.map { Shrinkage(regularizer.shrinkage, share: $0) })
    result.frozen = model.freeze ?? []
    return result
  }

  func checkRegularizer() throws {
    let regularizer = regularizer
    try checkAmount(\.regularizer.nuclear)
    try checkAmount(\.regularizer.group)
    try check(\.regularizer.sparsity, (0...1).contains(regularizer.sparsity), "0 to 1")
    try check(\.regularizer.sparsity, regularizer.sparsity == 0 || regularizer.group != 0, "0, since `group` is 0")
    try check(
      \.regularizer.automaticStrength,
      regularizer.automaticStrength != true || compression.parameters ?? compression.macs != nil,
      "`parameters` or `macs` with it")
    try check(
      \.regularizer.partial, regularizer.partial.map { $0 > 0 && $0 <= 1 } ?? true, "more than 0 and at most 1")
    try check(
      \.regularizer.partial, regularizer.partial == nil || compression.target != nil,
      "`parameters`, `macs` or `time` with it")
    try check(
      \.regularizer.partial, regularizer.partial == nil || regularizer.nuclear ?? 0 == 0 && regularizer.group ?? 0 == 0,
      "neither `nuclear` nor `group` with it")
    try check(
      \.regularizer.shrinkage, regularizer.partial != nil || regularizer.shrinkage == .multiplicative,
      "`partial` with it")
    try checkAmount(\.regularizer.strengthWarmup)
    try check(
      \.regularizer.strengths, regularizer.strengths.allSatisfy { $0.factor >= 0 && $0.factor.isFinite },
      "factors of 0 or more")
  }
}
