import Compaction
import Torch

extension Recipe {
  /// - Throws: `RecipeError` naming the first value that makes no sense.
  public func validate() throws {
    func check(_ condition: Bool, _ option: String, _ found: Any, _ expected: String) throws {
      guard condition else { throw RecipeError("`\(option)` is \(found), expected \(expected)") }
    }
    func fraction(_ value: Double?, _ option: String) throws {
      guard let value else { return }
      try check(value > 0 && value <= 1, option, value, "more than 0 and at most 1")
    }
    try check(validation >= 0 && validation < 1, "validation", validation, "0 or more and less than 1")
    try check((0...100_000).contains(epochs), "epochs", epochs, "0 to 100000")
    try check((0...100_000).contains(finetuneEpochs), "finetune-epochs", finetuneEpochs, "0 to 100000")
    try check((1...65_536).contains(batchSize), "batch-size", batchSize, "1 to 65536")
    try check(lr.map { $0 > 0 && $0 < 1e6 } ?? true, "lr", lr ?? 0, "a number above 0, such as 0.1")
    try check((0..<1).contains(momentum), "momentum", momentum, "0 or more and less than 1")
    try check(momentum > 0 || !nesterov, "nesterov", nesterov, "false, since the momentum is 0")
    try check(weightDecay >= 0 && weightDecay < 1, "weight-decay", weightDecay, "0 or more and less than 1")
    let tuneDecay = finetuneWeightDecay ?? 0
    try check(tuneDecay >= 0 && tuneDecay < 1, "finetune-weight-decay", tuneDecay, "0 or more and less than 1")
    try check(warmupEpochs >= 0 && warmupEpochs.isFinite, "warmup-epochs", warmupEpochs, "0 or more")
    try check((0..<1).contains(labelSmoothing), "label-smoothing", labelSmoothing, "0 or more and less than 1")
    try check((0...1).contains(distillation), "distillation", distillation, "0 to 1, such as 0.5")
    try check(
      teacher == nil || distillation > 0, "distillation", distillation, "more than 0, since `teacher` is given")
    try check(
      distillation == 0 || teacher != nil || finetuneEpochs > 0, "distillation", distillation,
      "`teacher` or `finetune-epochs` with it")
    try check(temperature > 0 && temperature <= 1000, "temperature", temperature, "more than 0, such as 4")
    try check(Device(device) != nil, "device", device, "cpu, cuda or cuda:N")
    try check((nuclear ?? 0) >= 0 && (nuclear ?? 0).isFinite, "nuclear", nuclear ?? 0, "0 or more")
    try check((group ?? 0) >= 0 && (group ?? 0).isFinite, "group", group ?? 0, "0 or more")
    try check((0...1).contains(sparsity), "sparsity", sparsity, "0 to 1")
    try check(sparsity == 0 || group != 0, "sparsity", sparsity, "0, since `group` is 0")
    try check(steer != true || parameters ?? macs != nil, "steer", true, "`parameters` or `macs` with it")
    try check(width > 0 && width <= 1, "width", width, "more than 0 and at most 1")
    try check(
      !decompose || weights == nil, "decompose", decompose, "false, since decomposed layers cannot start from `weights`"
    )
    try check(
      (strengthWarmup ?? 0) >= 0 && (strengthWarmup ?? 0).isFinite, "strength-warmup", strengthWarmup ?? 0, "0 or more")
    try check(
      compactAt.allSatisfy { (1...max(1, epochs)).contains($0) }, "compact-at", compactAt, "epochs from 1 to `epochs`")
    try fraction(compactEnergy, "compact-energy")
    try fraction(energy, "energy")
    try fraction(parameters, "parameters")
    try fraction(macs, "macs")
    try fraction(time, "time")
    try check(
      time == nil || parameters ?? macs == nil, "time", time ?? 0, "nothing, since `parameters` or `macs` is given too")
    try check((1...65_536).contains(timeBatchSize), "time-batch-size", timeBatchSize, "1 to 65536")
    try check(
      time == nil || device == "cpu", "time", time ?? 0, "nothing, since `device` is \(device): times are the CPU's")
    try check(minRank >= 1, "min-rank", minRank, "1 or more")
    try check(minUnits >= 1, "min-units", minUnits, "1 or more")
    try check(threads.map { (1...1024).contains($0) } ?? true, "threads", threads ?? 0, "1 to 1024")
    try check(crop.map { (0...1024).contains($0) } ?? true, "crop", crop ?? 0, "0 to 1024 pixels")
    try check(imageSize.map { (1...8192).contains($0) } ?? true, "image-size", imageSize ?? 0, "1 to 8192 pixels")
    try check((mean == nil) == (std == nil), "mean", mean ?? [], "to be given together with `std`")
    // Those of raw pixels, as 123.7 and 58.4, would be taken for something else without a word.
    try check(
      mean?.allSatisfy { abs($0) <= 2 } ?? true, "mean", mean ?? [], "numbers for pixels of 0 to 1; divide them by 255")
    try check(
      std?.allSatisfy { $0 > 0 && $0 <= 2 } ?? true, "std", std ?? [],
      "numbers above 0 for pixels of 0 to 1; divide them by 255")
    try check(
      strengths.allSatisfy { $0.factor >= 0 && $0.factor.isFinite }, "strengths", strengths, "factors of 0 or more")
  }
}

/// A recipe that cannot be used, in a sentence.
public struct RecipeError: Error, CustomStringConvertible, Equatable {
  public let description: String
  public init(_ description: String) { self.description = description }
}
