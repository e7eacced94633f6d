import Architectures
import Compaction
import Datasets
import Foundation
import Networks
import Testing

@testable import Training

struct RecipeTests {
  @Test func `the default recipe is valid`() throws {
    try Recipe().validate()
  }

  @Test func `a recipe survives being written and read`() throws {
    var recipe = Recipe()
    (
      recipe.model.name, recipe.training.epochs, recipe.training.lr, recipe.regularizer.nuclear,
      recipe.regularizer.group
    ) = ("resnet20", 7, 0.0123, 0.004, 0)
    (recipe.regularizer.proximalEvery, recipe.regularizer.order, recipe.regularizer.scale) = (
      .epoch, .groupFirst, .absolute
    )
    (recipe.regularizer.skip, recipe.regularizer.strengths) = (
      ["layer1.*"], [LayerStrength(pattern: "fc*", factor: 0.5)]
    )
    (recipe.data.mean, recipe.data.std) = ([0.5, 0.25, 0.1], [1, 2, 3])
    (recipe.augmentation.flip, recipe.augmentation.crop) = (false, .padded(0))
    (recipe.augmentation.randAugment, recipe.augmentation.mixup) = (RandAugment(operations: 2, magnitude: 14), 0.2)
    (recipe.training.seed, recipe.compression.parameters, recipe.machine.threads, recipe.regularizer.strengthWarmup) = (
      .max, 0.1, 1, 2.5
    )
    #expect(try Recipe(yaml: recipe.yaml(), name: "own") == recipe)
  }

  @Test func `what a file leaves out has its default`() throws {
    let recipe = try Recipe(yaml: "training:\n  epochs: 3\n", name: "short")
    var expected = Recipe()
    expected.training.epochs = 3
    #expect(recipe == expected)
    #expect(try Recipe(yaml: "", name: "empty") == Recipe())
    #expect(try Recipe(yaml: "# nothing\n", name: "comment") == Recipe())
    #expect(try Recipe(yaml: "training:\n", name: "empty section") == Recipe())
  }

  /// A value that is no default for every option that a recipe holds.
  private static let values = [
    "width": "0.5", "validation": "0.2", "epochs": "4", "finetune-epochs": "2", "batch-size": "9", "lr": "0.2",
    "momentum": "0.5", "nesterov": "false", "weight-decay": "0.1", "schedule": "step", "warmup-epochs": "3",
    "label-smoothing": "0.1", "nuclear": "0.5", "group": "0.6", "order": "group-first", "scale": "absolute",
    "proximal-every": "3", "skip": "[a]", "restore-norm": "false", "strength-warmup": "4", "energy": "0.8",
    "energy-measure": "squares", "parameters": "0.3", "macs": "0.4", "min-rank": "2", "min-units": "3",
    "teacher": "t", "distillation": "0.5", "temperature": "2", "device": "cuda", "units": "zero",
    "optimizer": "adamw", "sparsity": "0.5", "automatic-strength": "false",
    "precision": "bfloat16", "threads": "2", "seed": "5", "crop": "1", "flip": "true", "mean": "[0.1]",
    "std": "[0.2]", "image-size": "64", "image-resize": "70", "model": "lenet5", "weights": "w", "data": "mnist",
    "data-dir": "d", "decompose": "true", "finetune-weight-decay": "0.2", "finetune-lr": "0.03", "group-norm": "whole",
    "strengths": "[{pattern: a, factor: 2}]", "allocation": "global", "restore-batch-norm": "true",
    "compact-at": "[3]", "compact-energy": "0.7",
    "compact-momentum": "reset", "time": "0.5", "clock": "onnxruntime", "time-batch-size": "1",
    "time-precision": "bfloat16",
    "decomposition": "any",
    "basis": "activations", "partial": "0.2", "shrinkage": "soft", "new-head": "true", "output-name": "y",
    "skip-broken": "true", "crop-area": "0.3", "color-jitter": "0.4", "rand-augment": "2,7", "random-erasing": "0.25",
    "mixup": "0.2", "cutmix": "1", "patience": "3", "class-weights": "[1, 2]", "test-share": "0.2", "workers": "3",
    "clip-norm": "2", "ema": "0.99", "accumulate": "3", "cycles": "4", "freeze": "[b]", "pretrained-lr-scale": "0.5",
    "images": "photos", "scores": "[y]", "output-weights": "[y=2]",
    "no-crop": "true", "input": "[a=1]", "tensorboard": "false",
  ]

  @Test func `every key of the file is read, in its section and, from a run of an earlier version, without one`() throws
  {
    // A key that only the list knows would be silently without effect.
    for key in RecipeKey.all {
      let value = try #require(Self.values[key.option], "no example for \(key.option)")
      let nested = try Recipe(yaml: "\(key.section):\n  \(key.key): \(value)\n", name: "one")
      #expect(nested != Recipe(), "\(key.option) has no effect")
      #expect(try Recipe(yaml: "\(key.option): \(value)\n", name: "flat", earlier: .read) == nested, "\(key.option)")
    }
    #expect(RecipeKey.all.count == Self.values.count)
  }

  @Test func `every setting of the regulariser comes to the trainer`() throws {
    // Some settings count only beside others.
    let usual = ["nuclear": "0.7", "group": "0.7", "partial": "0.7", "automatic-strength": "true"]
    func options(_ settings: [String: String]) throws -> TrainingOptions {
      let lines = settings.map { "  \($0): \($1)\n" }.joined()
      return try Recipe(yaml: "compression: {parameters: 0.5}\nregularizer:\n\(lines)", name: "one").trainingOptions
    }
    for key in RecipeKey.all where key.section == "regularizer" {
      let value = try #require(Self.values[key.option])
      #expect(try options(usual.merging([key.key: value]) { $1 }) != options(usual), "\(key.key) has no effect")
    }
  }

  @Test func `what an augmentation leaves open is what suits the data`() throws {
    var usual = Augmentation(crop: .padded(2), flips: true)
    let before = usual
    Recipe().augmentation.apply(to: &usual)
    #expect(usual == before)
    let recipe = try Recipe(
      yaml: "augmentation: {crop: resized, crop-area: 0.25, rand-augment: 0, mixup: 0.2}\n", name: "one")
    recipe.augmentation.apply(to: &usual)
    #expect(usual.crop == .resized(area: 0.25...1) && usual.flips && usual.randAugment == nil)
    #expect(usual.mixing == Mixing(mixup: 0.2))
    let whole = try Recipe(yaml: "augmentation: {crop: 0, flip: false}\n", name: "whole")
    whole.augmentation.apply(to: &usual)
    #expect(usual.crop == .center && !usual.flips)
  }

  @Test func `how steps are made holds for both trainings`() throws {
    for (key, value) in [("clip-norm", "2"), ("ema", "0.9"), ("accumulate", "3"), ("patience", "2")] {
      let recipe = try Recipe(yaml: "training: {\(key): \(value)}\nfinetuning: {epochs: 1}\n", name: "one")
      var plain = Recipe()
      plain.finetuning.epochs = 1
      #expect(recipe.trainingOptions != plain.trainingOptions, "\(key)")
      #expect(recipe.finetuningOptions != plain.finetuningOptions, "\(key)")
    }
  }

  @Test func `patience is for trainings whose best network is the one with the best accuracy`() throws {
    var recipe = Recipe()
    recipe.training.patience = 3
    #expect(sentence { try recipe.validate() }.hasPrefix("`patience` is 3, expected `finetune-epochs` with it, or an"))
    recipe.finetuning.epochs = 1
    try recipe.validate()
    (recipe.regularizer.nuclear, recipe.regularizer.group) = (0.1, 0.1)
    #expect(recipe.trainingOptions.usedPatience == nil && recipe.finetuningOptions.usedPatience == 3)
    (recipe.regularizer, recipe.finetuning.epochs) = (.off, 0)
    try recipe.validate()
    #expect(recipe.trainingOptions.usedPatience == 3)
    recipe.compression.compactAt = [2]
    #expect(sentence { try recipe.validate() }.contains("ordinary training"))
    #expect(recipe.trainingOptions.usedPatience == nil)
    (recipe.compression.compactAt, recipe.data.validation) = ([], 0)
    #expect(sentence { try recipe.validate() } == "`patience` is 3, expected `validation` above 0 with it")
  }

  @Test func `cycles belong to the schedule with restarts, of which two are usual`() throws {
    var recipe = try Recipe(yaml: "training: {schedule: cosine-restarts}\n", name: "one")
    #expect(recipe.trainingOptions.schedule == Schedule(.cosineRestarts, warmup: 1, cycles: 2))
    recipe.finetuning.epochs = 1
    recipe.training.cycles = 3
    try recipe.validate()
    #expect(recipe.trainingOptions.schedule.shape == .constant)
    #expect(recipe.finetuningOptions.schedule == Schedule(.cosineRestarts, cycles: 3))
    recipe.training.schedule = .cosine
    #expect(sentence { try recipe.validate() } == "`cycles` is 3, expected `schedule` cosine-restarts with it")
    recipe.training.leaveCycles(for: .cosine)
    try recipe.validate()
  }

  @Test func `the steps of an epoch are those of the optimiser, the last of fewer batches`() {
    var recipe = Recipe()
    recipe.training.batchSize = 16
    #expect([0, 1, 16, 17, 160].map(recipe.training.stepsPerEpoch) == [0, 1, 1, 2, 10])
    recipe.training.accumulate = 4
    #expect([0, 1, 64, 65, 160].map(recipe.training.stepsPerEpoch) == [0, 1, 1, 2, 3])
  }

  @Test func `a moving average is kept in fine-tuning and in ordinary training`() throws {
    var recipe = Recipe()
    recipe.training.ema = 0.99
    (recipe.regularizer.nuclear, recipe.finetuning.epochs) = (0.1, 1)
    try recipe.validate()
    #expect(recipe.trainingOptions.averageDecay == nil)
    #expect(recipe.finetuningOptions.averageDecay == 0.99)
    recipe.finetuning.epochs = 0
    #expect(
      sentence { try recipe.validate() }
        == "`ema` is 0.99, expected `finetune-epochs` with it, or `nuclear` 0 and `group` 0")
    recipe.regularizer = .off
    try recipe.validate()
    #expect(recipe.trainingOptions.averageDecay == 0.99)
  }

  @Test func `no part of a recipe has more than fifteen settings`() {
    #expect(RecipeKey.sections.allSatisfy { $0.fields.count <= 15 })
  }

  @Test func `a flat recipe is refused with the new spelling`() {
    #expect(
      sentence { _ = try Recipe(yaml: "finetune-epochs: 3\n", name: "old") }
        == "recipe old has finetune-epochs outside the sections, as earlier versions wrote it; write it as epochs in "
        + "finetuning (`finetuning: {epochs: …}`)")
    #expect(sentence { _ = try Recipe(yaml: "data: mnist\n", name: "old") }.contains("write it as name in data"))
  }

  @Test func `names of earlier versions are read from a run, and refused elsewhere with the new name`() throws {
    let old = "regularizer: {steer: false}\ncompression: {scheme: any, basis: responses, units: silent}\n"
    var expected = Recipe()
    expected.regularizer.automaticStrength = false
    expected.compression.decomposition = .any
    (expected.compression.basis, expected.compression.units) = (.activations, .zero)
    #expect(try Recipe(yaml: old, name: "run", earlier: .read) == expected)
    let flat = try Recipe(yaml: "scheme: any\nsteer: false\n", name: "flat", earlier: .read)
    #expect(flat.compression.decomposition == .any)
    #expect(
      sentence { _ = try Recipe(yaml: "compression: {scheme: any}\n", name: "old") }
        == "recipe old has scheme in compression, as earlier versions wrote it; write it as decomposition")
    #expect(
      sentence { _ = try Recipe(yaml: "compression: {units: silent}\n", name: "old") }
        == "recipe old has units: silent in compression, as earlier versions wrote it; write it as units: zero")
    #expect(sentence { _ = try Recipe(yaml: "scheme: any\n", name: "old") }.contains("decomposition in compression"))
  }

  @Test func `a setting that got a section of its own is read from a run, and refused elsewhere with the new place`()
    throws
  {
    let old = "training: {teacher: t, distillation: 0.5, temperature: 2, seed: 3}\n"
    var expected = Recipe()
    (expected.distillation.teacher, expected.distillation.weight, expected.distillation.temperature) = ("t", 0.5, 2)
    expected.training.seed = 3
    #expect(try Recipe(yaml: old, name: "run", earlier: .read) == expected)
    #expect(
      sentence { _ = try Recipe(yaml: "training: {distillation: 0.5}\n", name: "old") }
        == "recipe old has distillation in training, as earlier versions wrote it; write it as weight in distillation")
    #expect(
      sentence { _ = try Recipe(yaml: "finetuning: {teacher: t}\n", name: "old") }.contains("unknown key teacher"))
    let smooth = try Recipe(yaml: "training: {label-smoothing: 0.1}\n", name: "run", earlier: .read)
    #expect(smooth.loss.labelSmoothing == 0.1)
    let crop = try Recipe(yaml: "data: {crop: 4, flip: true}\n", name: "run", earlier: .read).augmentation
    #expect(crop.crop == .padded(4) && crop.flip == true)
    #expect(
      sentence { _ = try Recipe(yaml: "data: {crop: 4}\n", name: "old") }.contains("write it as crop in augmentation"))
  }

  private struct Options: Encodable {
    var nuclear: Double? = 0.25
    var group: Double?
    var skip: [String] = []
    var finetuneEpochs: Int? = 3
    var json = true
  }

  @Test func `options that were given come into their sections, others leave a recipe as it is`() throws {
    var recipe = Recipe()
    (recipe.regularizer.group, recipe.regularizer.skip, recipe.training.seed) = (0.5, ["fc"], .max)
    var expected = recipe
    (expected.regularizer.nuclear, expected.finetuning.epochs) = (0.25, 3)
    try recipe.adopt(Options())
    #expect(recipe == expected)
  }

  @Test func `validation names the option, what it is and what was expected`() {
    var recipe = Recipe()
    recipe.compression.energy = 1.5
    #expect(sentence { try recipe.validate() } == "`energy` is 1.5, expected more than 0 and at most 1")
    recipe.compression.energy = 0.9
    recipe.finetuning.lr = 0.01
    #expect(sentence { try recipe.validate() } == "`finetune-lr` is 0.01, expected `finetune-epochs` with it")
  }

  @Test func `the rate stays up until the fine-tuning, which brings it down`() {
    var recipe = Recipe()
    (recipe.training.epochs, recipe.training.warmupEpochs) = (10, 0)
    #expect(recipe.trainingOptions.schedule.shape == .cosine)
    recipe.finetuning.epochs = 5
    #expect(recipe.trainingOptions.schedule.shape == .constant)
    #expect(recipe.finetuningOptions.schedule.shape == .cosine)
    #expect(recipe.finetuningOptions.epochs == 5)
    #expect(recipe.finetuningOptions.learningRate == recipe.trainingOptions.learningRate)
    recipe.finetuning.lr = 0.003
    #expect(recipe.finetuningOptions.learningRate == 0.003)
    #expect(recipe.trainingOptions.learningRate != 0.003)
    #expect(recipe.finetuningOptions.regularizer.isNone)
    #expect(recipe.finetuningOptions.seed != recipe.trainingOptions.seed)
  }

  @Test func `AdamW brings its usual rate and weight decay unless others are given`() throws {
    let usual = try Recipe(yaml: "training: {optimizer: adamw}\n", name: "usual").trainingOptions
    #expect(usual.learningRate == 1e-3 && usual.weightDecay == 1e-2)
    let given = try Recipe(yaml: "training: {optimizer: adamw, lr: 0.1, weight-decay: 0.0005}\n", name: "given")
    #expect(given.training.lr == 0.1 && given.trainingOptions.weightDecay == 5e-4)
    // A step stands for its rate alone, without SGD's 1/(1 − m).
    #expect(usual.proximalStep(at: 0.25) == 0.25)
    #expect(abs(Recipe().trainingOptions.proximalStep(at: 0.25) - 2.5) < 1e-12)
  }

  @Test func `a size goal comes before the energy`() {
    var recipe = Recipe()
    #expect(recipe.planSettings.target == .energy(0.9))
    recipe.compression.macs = 0.5
    #expect(recipe.planSettings.target == .macs(0.5))
  }

  @Test func `ordinary training is a strength of zero twice`() {
    var recipe = Recipe()
    (recipe.regularizer.nuclear, recipe.regularizer.group) = (0, 0)
    #expect(recipe.regularization.isNone)
    recipe.regularizer.group = 0.1
    #expect(!recipe.regularization.isNone)
  }
}
