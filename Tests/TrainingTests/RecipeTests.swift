import Architectures
import Compaction
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
    (recipe.model, recipe.epochs, recipe.lr, recipe.nuclear, recipe.group) = ("resnet20", 7, 0.0123, 0.004, 0)
    (recipe.proximalEvery, recipe.order, recipe.scale) = (.epoch, .groupFirst, .absolute)
    (recipe.skip, recipe.strengths) = (["layer1.*"], [LayerStrength(pattern: "fc*", factor: 0.5)])
    (recipe.mean, recipe.std, recipe.flip, recipe.crop) = ([0.5, 0.25, 0.1], [1, 2, 3], false, 0)
    (recipe.seed, recipe.parameters, recipe.threads, recipe.strengthWarmup) = (.max, 0.1, 1, 2.5)
    #expect(try Recipe(yaml: recipe.yaml(), name: "own") == recipe)
  }

  @Test func `what a file leaves out has its default`() throws {
    let recipe = try Recipe(yaml: "epochs: 3\n", name: "short")
    var expected = Recipe()
    expected.epochs = 3
    #expect(recipe == expected)
    #expect(try Recipe(yaml: "", name: "empty") == Recipe())
    #expect(try Recipe(yaml: "# nothing\n", name: "comment") == Recipe())
  }

  @Test func `every key of the file is read`() throws {
    // A key that only the list knows would be silently without effect.
    let text = try Recipe().yaml()
    for key in Recipe.CodingKeys.allCases where text.contains("\(key.rawValue):") {
      #expect(try Recipe(yaml: text, name: "all") == Recipe(), "\(key.rawValue)")
    }
    let values: [String: String] = [
      "width": "0.5", "validation": "0.2", "epochs": "4", "finetune-epochs": "2", "batch-size": "9", "lr": "0.2",
      "momentum": "0.5", "nesterov": "false", "weight-decay": "0.1", "schedule": "step", "warmup-epochs": "3",
      "label-smoothing": "0.1", "nuclear": "0.5", "group": "0.6", "order": "group-first", "scale": "absolute",
      "proximal-every": "3", "skip": "[a]", "restore-norm": "false", "strength-warmup": "4", "energy": "0.8",
      "energy-measure": "squares", "parameters": "0.3", "macs": "0.4", "min-rank": "2", "min-units": "3",
      "teacher": "t", "distillation": "0.5", "temperature": "2", "device": "cuda", "units": "silent",
      "optimizer": "adamw", "sparsity": "0.5", "steer": "false",
      "precision": "bfloat16", "threads": "2", "seed": "5", "crop": "1", "flip": "true", "mean": "[0.1]",
      "std": "[0.2]", "image-size": "64", "image-resize": "70", "model": "lenet5", "weights": "w", "data": "mnist",
      "data-dir": "d", "decompose": "true", "finetune-weight-decay": "0.2", "group-norm": "whole",
      "strengths": "[{pattern: a, factor: 2}]", "allocation": "global", "restore-batch-norm": "true",
      "compact-at": "[3]", "compact-energy": "0.7",
      "compact-momentum": "reset", "time": "0.5", "time-batch-size": "1", "time-precision": "bfloat16", "scheme": "any",
      "basis": "responses", "new-head": "true", "output-name": "y", "skip-broken": "true",
    ]
    for key in Recipe.CodingKeys.allCases {
      let value = try #require(values[key.rawValue], "no example for \(key.rawValue)")
      #expect(try Recipe(yaml: "\(key.rawValue): \(value)\n", name: "one") != Recipe(), "\(key.rawValue) has no effect")
    }
  }

  @Test func `validation names the option, what it is and what was expected`() {
    var recipe = Recipe()
    recipe.energy = 1.5
    #expect(sentence { try recipe.validate() } == "`energy` is 1.5, expected more than 0 and at most 1")
  }

  @Test func `the rate stays up until the fine-tuning, which brings it down`() {
    var recipe = Recipe()
    (recipe.epochs, recipe.warmupEpochs) = (10, 0)
    #expect(recipe.training.schedule.shape == .cosine)
    recipe.finetuneEpochs = 5
    #expect(recipe.training.schedule.shape == .constant)
    #expect(recipe.finetuning.schedule.shape == .cosine)
    #expect(recipe.finetuning.epochs == 5)
    #expect(recipe.finetuning.regularizer.isNone)
    #expect(recipe.finetuning.seed != recipe.training.seed)
  }

  @Test func `AdamW brings its usual rate and weight decay unless others are given`() throws {
    let usual = try Recipe(yaml: "optimizer: adamw\n", name: "usual")
    #expect(usual.learningRate == 1e-3 && usual.weightDecay == 1e-2)
    let given = try Recipe(yaml: "optimizer: adamw\nlr: 0.1\nweight-decay: 0.0005\n", name: "given")
    #expect(given.lr == 0.1 && given.weightDecay == 5e-4)
    // A step stands for its rate alone, without SGD's 1/(1 − m).
    #expect(usual.training.proximalStep(at: 0.25) == 0.25)
    #expect(abs(Recipe().training.proximalStep(at: 0.25) - 2.5) < 1e-12)
  }

  @Test func `a network without batch norm gets a smaller rate unless one is given`() throws {
    let (lenet, dec3) = (
      try Network.lenet5(input: [1, 28, 28], classes: 10, seed: 0),
      try Network.dec3(input: [3, 32, 32], classes: 10, seed: 0)
    )
    #expect(Recipe().resolvingRate(for: lenet).lr == 0.02)
    #expect(Recipe().resolvingRate(for: dec3).lr == 0.1)
    #expect(Recipe().resolvingRate(for: dec3, givenWeights: true).lr == 0.02)
    let given = try Recipe(yaml: "lr: 0.3\n", name: "given")
    #expect(given.resolvingRate(for: lenet).lr == 0.3)
  }

  @Test func `given weights are cut over the layers, those trained to be small by one share`() {
    #expect(Recipe().resolvingPlan(givenWeights: false).allocation == .uniform)
    #expect(Recipe().resolvingPlan(givenWeights: true).allocation == .global)
    var plain = Recipe()
    (plain.nuclear, plain.group) = (0, 0)
    #expect(plain.resolvingPlan(givenWeights: false).allocation == .global)
    plain.allocation = .uniform
    #expect(plain.resolvingPlan(givenWeights: true).allocation == .uniform)
  }

  @Test func `every scheme may be used, but what was trained small from random weights keeps the one trained`() {
    #expect(Recipe().resolvingPlan(givenWeights: false).planner.schemes == .trained)
    #expect(Recipe().resolvingPlan(givenWeights: true).planner.schemes == .any)
    var plain = Recipe()
    (plain.nuclear, plain.group) = (0, 0)
    #expect(plain.resolvingPlan(givenWeights: false).planner.schemes == .any)
    plain.scheme = .trained
    #expect(plain.resolvingPlan(givenWeights: false).planner.schemes == .trained)
  }

  @Test func `responses decide what is cut to a size, but from weights that were trained small from random ones`() {
    var plain = Recipe()
    (plain.nuclear, plain.group) = (0, 0)
    // Without a size it stays open: one may be asked for later.
    #expect(plain.resolvingPlan(givenWeights: true).basis == nil)
    plain.macs = 0.5
    #expect(plain.resolvingPlan(givenWeights: true).basis == .responses)
    #expect(plain.resolvingPlan(givenWeights: false).basis == .responses)
    plain.basis = .weights
    #expect(plain.resolvingPlan(givenWeights: true).basis == .weights)
    var trained = Recipe()
    trained.macs = 0.5
    #expect(trained.resolvingPlan(givenWeights: true).basis == .responses)
    #expect(trained.resolvingPlan(givenWeights: false).basis == .weights)
  }

  @Test func `a size goal comes before the energy`() {
    var recipe = Recipe()
    #expect(recipe.planner.goal == .energy(0.9))
    recipe.macs = 0.5
    #expect(recipe.planner.goal == .macs(0.5))
  }

  @Test func `a training that makes its network smaller goes to the size asked for, unless an energy is given`() {
    var recipe = Recipe()
    recipe.compactAt = [2]
    #expect(recipe.training.compaction?.planner.goal == .energy(recipe.energy))
    recipe.macs = 0.3
    #expect(recipe.training.compaction?.planner.goal == .macs(0.3))
    (recipe.nuclear, recipe.group) = (0, 0)
    let compaction = recipe.resolvingPlan(givenWeights: false).training.compaction
    #expect(compaction?.planner.allocation == .global && compaction?.planner.units == .weakest)
    #expect(compaction?.responses == 512)
    recipe.compactEnergy = 0.8
    #expect(recipe.training.compaction?.planner.goal == .energy(0.8))
  }

  @Test func `ordinary training is a strength of zero twice`() {
    var recipe = Recipe()
    (recipe.nuclear, recipe.group) = (0, 0)
    #expect(recipe.regularizer.isNone)
    recipe.group = 0.1
    #expect(!recipe.regularizer.isNone)
  }

  @Test func `given weights are pressed less, unless a size tells how much`() throws {
    var recipe = Recipe()
    (recipe.epochs, recipe.lr) = (6, 0.01)
    func strength(_ given: Bool) throws -> Double {
      try #require(recipe.resolvingStrengths(stepsPerEpoch: 300, givenWeights: given).nuclear)
    }
    #expect(abs(try strength(true) * Recipe.defaultPressure / strength(false) - Recipe.givenPressure) < 1e-3)
    recipe.macs = 0.5
    #expect(try strength(true) == strength(false))
  }

  @Test func `strengths that are left open mean the same for any length of training`() throws {
    var recipe = Recipe()
    (recipe.epochs, recipe.warmupEpochs, recipe.schedule) = (10, 0, .constant)
    let short = try #require(recipe.resolvingStrengths(stepsPerEpoch: 500).nuclear)
    recipe.epochs = 20
    let long = try #require(recipe.resolvingStrengths(stepsPerEpoch: 500).nuclear)
    #expect(abs(short - 2 * long) < 0.01 * short)
    recipe.nuclear = 0.5
    #expect(recipe.resolvingStrengths(stepsPerEpoch: 500).nuclear == 0.5)
  }
}
