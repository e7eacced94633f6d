import Compaction
import Interchange
import Torch

extension Recipe {
  /// - Throws: `RecipeError` naming the first value that makes no sense.
  public func validate() throws {
    try checkModelAndData()
    try checkAugmentation()
    try checkTraining()
    try checkLoss()
    try checkDistillation()
    try checkRegularizer()
    try checkCompression()
    try check(\.machine.device, Device(machine.device) != nil, "cpu, cuda or cuda:N")
    try checkRange(\.machine.threads, 1...1024)
    try checkRange(\.machine.workers, 1...256)
    try checkRange(\.machine.timeBatchSize, 1...65_536)
    try check(\.machine.clock, machine.clock != .command(""), "thresh, onnxruntime, openvino, or a command")
    try check(\.machine.clock, machine.clock == .thresh || compression.time != nil, "`time` with it")
  }

  private func checkModelAndData() throws {
    let (model, data) = (model, data)
    try check(\.model.width, model.width > 0 && model.width <= 64, "more than 0 and at most 64")
    try check(
      \.model.width, model.width == 1 || model.weights == nil, "1, since the units of `weights` are as they are")
    try check(
      \.model.decompose, !model.decompose || model.weights == nil,
      "false, since decomposed layers cannot start from `weights`")
    try check(\.data.testShare, data.testShare > 0 && data.testShare < 1, "more than 0 and less than 1, such as 0.1")
    try check(\.data.validation, data.validation >= 0 && data.validation < 1, "0 or more and less than 1")
    try check(
      \.model.inputs, model.inputs?.allSatisfy { GivenInput($0) != nil } ?? true,
      "name=number, or name=number,number,… with one for each element")
    try checkRange(\.data.imageSize, 1...8192, "pixels")
    try check(\.data.mean, (data.mean == nil) == (data.std == nil), "to be given together with `std`")
    // Those of raw pixels, as 123.7 and 58.4, would be taken for something else without a word.
    try check(
      \.data.mean, data.mean?.allSatisfy { abs($0) <= 2 } ?? true, "numbers for pixels of 0 to 1; divide them by 255")
    try check(
      \.data.std, data.std?.allSatisfy { $0 > 0 && $0 <= 2 } ?? true,
      "numbers above 0 for pixels of 0 to 1; divide them by 255")
  }

  private func checkTraining() throws {
    let training = training
    try checkRange(\.training.epochs, 0...100_000)
    try checkRange(\.finetuning.epochs, 0...100_000)
    try checkRange(\.training.batchSize, 1...65_536)
    try checkRange(\.training.accumulate, 1...65_536)
    for lr in [\Recipe.training.lr, \.finetuning.lr] {
      try check(lr, self[keyPath: lr].map { $0 > 0 && $0 < 1e6 } ?? true, "a number above 0, such as 0.1")
    }
    try check(\.finetuning.lr, finetuning.lr == nil || finetuning.epochs > 0, "`finetune-epochs` with it")
    try check(
      \.model.freeze,
      model.freeze == nil || regularizer.partial == nil && compression.compactAt.isEmpty,
      "nothing with `partial` or `compact-at`, which change every layer")
    try check(
      \.model.pretrainedLrScale, model.pretrainedLrScale.map { $0 > 0 && $0 <= 1 } ?? true,
      "more than 0 and at most 1, such as 0.1")
    try check(
      \.model.pretrainedLrScale, model.pretrainedLrScale == nil || model.newHead, "`new-head` with it")
    try checkPart(\.training.momentum)
    try check(
      \.training.nesterov, training.momentum > 0 || !training.nesterov, "false, since the momentum is 0")
    try checkPart(\.training.weightDecay)
    try checkPart(\.finetuning.weightDecay)
    try check(
      \.training.clipNorm, training.clipNorm.map { $0 >= 0 && $0.isFinite } ?? true,
      "a number above 0, such as 1, or 0 for none")
    try check(
      \.training.ema, training.ema.map { $0 > 0 && $0 < 1 } ?? true, "more than 0 and less than 1, such as 0.999")
    try check(
      \.training.ema, training.ema == nil || regularizer.isOff || finetuning.epochs > 0,
      "`finetune-epochs` with it, or `nuclear` 0 and `group` 0")
    try checkAmount(\.training.warmupEpochs)
    try checkRange(\.training.cycles, 1...1000)
    try check(
      \.training.cycles, training.cycles == nil || training.schedule == .cosineRestarts,
      "`schedule` cosine-restarts with it")
    try checkRange(\.training.patience, 1...100_000)
    try check(\.training.patience, training.patience == nil || data.validation > 0, "`validation` above 0 with it")
    let isOrdinary = regularizer.isOff && compression.compactAt.isEmpty
    try check(
      \.training.patience, training.patience == nil || isOrdinary || finetuning.epochs > 0,
      "`finetune-epochs` with it, or an ordinary training: one that makes a network small gets better until its end"
    )
  }

  private func checkDistillation() throws {
    let (share, teacher, temperature) = (distillation.weight ?? 0, distillation.teacher, distillation.temperature)
    try check(\.distillation.weight, (0...1).contains(share), "0 to 1, such as 0.5")
    try check(\.distillation.weight, teacher == nil || share > 0, "more than 0, since `teacher` is given")
    try check(
      \.distillation.weight, share == 0 || teacher != nil || finetuning.epochs > 0,
      "`teacher` or `finetune-epochs` with it")
    try check(\.distillation.temperature, temperature > 0 && temperature <= 1000, "more than 0, such as 4")
  }

  private func checkCompression() throws {
    let compression = compression
    try check(
      \.compression.compactAt, compression.compactAt.allSatisfy { (1...max(1, training.epochs)).contains($0) },
      "epochs from 1 to `epochs`")
    try checkFraction(\.compression.compactEnergy)
    try checkFraction(\.compression.energy)
    try checkFraction(\.compression.parameters)
    try checkFraction(\.compression.macs)
    try checkFraction(\.compression.time)
    try check(
      \.compression.time, compression.time == nil || compression.parameters ?? compression.macs == nil,
      "nothing, since `parameters` or `macs` is given too")
    try check(
      \.compression.time, compression.time == nil || machine.device == "cpu",
      "nothing, since `device` is \(machine.device): times are the CPU's")
    try check(
      \.machine.timePrecision, machine.timePrecision != .int8 || machine.clock != .thresh,
      "float32 or bfloat16, or `clock` with it: Thresh's own engine does not compute in 8 bits")
    try check(\.compression.minRank, compression.minRank >= 1, "1 or more")
    try check(\.compression.minUnits, compression.minUnits >= 1, "1 or more")
    // The plans on the way go by activations: another at the end would cut what was not taken out.
    try check(
      \.compression.basis,
      compression.basis != .effect || regularizer.partial == nil && compression.compactAt.isEmpty,
      "weights or activations with `partial` or `compact-at`")
  }
}

extension Recipe {
  /// - Throws: `RecipeError` that names the setting, what it is and what was expected.
  func check<Value>(_ setting: KeyPath<Recipe, Value>, _ condition: Bool, _ expected: String) throws {
    guard !condition else { return }
    let value = self[keyPath: setting]
    let found = (value as? any Presence)?.present ?? value
    throw RecipeError("`\(RecipeKey(setting).option)` is \(found), expected \(expected)")
  }

  func checkRange(_ setting: KeyPath<Recipe, Int>, _ range: ClosedRange<Int>) throws {
    let expected = "\(range.lowerBound) to \(range.upperBound)"
    try check(setting, range.contains(self[keyPath: setting]), expected)
  }

  func checkRange(_ setting: KeyPath<Recipe, Int?>, _ range: ClosedRange<Int>, _ unit: String = "") throws {
    let expected = "\(range.lowerBound) to \(range.upperBound)" + (unit.isEmpty ? "" : " \(unit)")
    try check(setting, self[keyPath: setting].map(range.contains) ?? true, expected)
  }

  func checkPart(_ setting: KeyPath<Recipe, Double>) throws {
    try check(setting, (0..<1).contains(self[keyPath: setting]), "0 or more and less than 1")
  }

  func checkPart(_ setting: KeyPath<Recipe, Double?>) throws {
    try check(setting, self[keyPath: setting].map { (0..<1).contains($0) } ?? true, "0 or more and less than 1")
  }

  func checkAmount(_ setting: KeyPath<Recipe, Double>) throws {
    let value = self[keyPath: setting]
    try check(setting, value >= 0 && value.isFinite, "0 or more")
  }

  func checkAmount(_ setting: KeyPath<Recipe, Double?>) throws {
    try check(setting, self[keyPath: setting].map { $0 >= 0 && $0.isFinite } ?? true, "0 or more")
  }

  func checkFraction(_ setting: KeyPath<Recipe, Double>) throws {
    let value = self[keyPath: setting]
    try check(setting, value > 0 && value <= 1, "more than 0 and at most 1")
  }

  func checkFraction(_ setting: KeyPath<Recipe, Double?>) throws {
    try check(setting, self[keyPath: setting].map { $0 > 0 && $0 <= 1 } ?? true, "more than 0 and at most 1")
  }
}

/// An optional whose value is shown bare.
private protocol Presence {
  var present: Any? { get }
}

extension Optional: Presence {
  fileprivate var present: Any? { map { $0 } }
}

/// A recipe that cannot be used, in a sentence.
public struct RecipeError: Error, CustomStringConvertible, Equatable {
  public let description: String
  public init(_ description: String) { self.description = description }
}
