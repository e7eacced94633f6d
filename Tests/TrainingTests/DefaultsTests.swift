import Architectures
import Compaction
import Foundation
import Networks
import Testing

@testable import Training

/// What a recipe leaves open, chosen for the network and its weights.
struct DefaultsTests {
  private func resolve(
    _ recipe: Recipe, _ origin: Defaults.Context.Origin, norms: Defaults.Context.Norms = .batch, steps: Int? = nil
  ) -> Recipe {
    // Of the usual batches, which so many steps are enough for.
    let images = steps.map { $0 * (recipe.training.batchSize ?? 128) }
    return Defaults.resolve(
      recipe, for: Defaults.Context(origin: origin, norms: norms, images: images, trains: steps != nil))
  }

  @Test func `a network without batch norm gets a smaller rate unless one is given`() throws {
    #expect(resolve(Recipe(), .random, norms: .none).training.lr == 0.02)
    #expect(resolve(Recipe(), .random).training.lr == 0.1)
    #expect(resolve(Recipe(), .pretrained).training.lr == 0.02)
    let given = try Recipe(yaml: "training: {lr: 0.3}\n", name: "given")
    #expect(resolve(given, .random, norms: .none).training.lr == 0.3)
  }

  @Test func `few images make smaller batches, and these a smaller rate`() {
    func steps(_ images: Int, _ norms: Defaults.Context.Norms = .batch) -> TrainingRecipe {
      Defaults.resolve(
        Recipe(), for: Defaults.Context(origin: .random, norms: norms, images: images, trains: true)
      ).training
    }
    for (images, batch, rate) in [(45_000, 128, 0.1), (6400, 128, 0.1), (6399, 64, 0.0707), (810, 16, 0.0354)] {
      #expect(steps(images).batchSize == batch && steps(images).lr == rate, "\(images) images")
    }
    #expect(steps(810, .layer).lr == 3.54e-4)
    #expect(steps(810, .none).batchSize == 16 && steps(810, .none).lr == 0.02)
    var given = Recipe()
    given.training.batchSize = 16
    given.training.accumulate = 8
    #expect(resolve(given, .random, steps: 90).training.lr == 0.1)
    given.training.batchSize = 512
    #expect(resolve(given, .random, steps: 90).training.lr == 0.1)
  }

  @Test func `the rate rises over 100 steps at least, and a fifth of the training at most`() {
    func warmup(_ epochs: Int, _ images: Int) -> Double? {
      var recipe = Recipe()
      recipe.training.epochs = epochs
      return Defaults.resolve(
        recipe, for: Defaults.Context(origin: .random, images: images, trains: true)
      ).training.warmupEpochs
    }
    #expect(warmup(30, 45_000) == 1)
    #expect(warmup(30, 800) == 2)
    #expect(warmup(1, 45_000) == 0.2)
    #expect(warmup(5, 160) == 1)
  }

  @Test func `transformers are trained with AdamW and clipped at 1, others with SGD and clipped at 5`() {
    let layer = resolve(Recipe(), .random, norms: .layer).training
    #expect(layer.optimizer == .adamw && layer.lr == 1e-3 && layer.weightDecay == 1e-2 && layer.clipNorm == 1)
    #expect(resolve(Recipe(), .pretrained, norms: .layer).training.lr == 1e-4)
    let batch = resolve(Recipe(), .random).training
    #expect(batch.optimizer == .sgd && batch.weightDecay == 5e-4 && batch.clipNorm == 5)
    var plain = Recipe()
    plain.training.clipNorm = 0
    #expect(resolve(plain, .random).training.clipNorm == 0)
    #expect(resolve(plain, .random).trainingOptions.clipNorm == nil)
  }

  private static let plain: Recipe = {
    var recipe = Recipe()
    recipe.regularizer = .off
    return recipe
  }()

  @Test func `pretrained weights are cut over the layers, those trained for compression by one share`() {
    #expect(resolve(Recipe(), .random, steps: 90).compression.allocation == .uniform)
    #expect(resolve(Recipe(), .compressionTrained).compression.allocation == .uniform)
    #expect(resolve(Recipe(), .pretrained).compression.allocation == .global)
    #expect(resolve(Recipe(), .pretrained, steps: 90).compression.allocation == .global)
    // What was trained for compression and is trained again is pretrained.
    #expect(resolve(Recipe(), .compressionTrained, steps: 90).compression.allocation == .global)
    var plain = Self.plain
    #expect(resolve(plain, .random, steps: 90).compression.allocation == .global)
    plain.compression.allocation = .uniform
    #expect(resolve(plain, .pretrained).compression.allocation == .uniform)
  }

  @Test func `every decomposition may be used, but what was trained for compression keeps the one trained`() {
    #expect(resolve(Recipe(), .random, steps: 90).planSettings.decompositions == .trained)
    #expect(resolve(Recipe(), .pretrained).planSettings.decompositions == .any)
    var plain = Self.plain
    #expect(resolve(plain, .random, steps: 90).planSettings.decompositions == .any)
    plain.compression.decomposition = .trained
    #expect(resolve(plain, .random, steps: 90).planSettings.decompositions == .trained)
  }

  @Test func `activations decide what is cut to a size, but from weights that were trained for compression`() {
    var plain = Self.plain
    // Without a size it stays open: one may be asked for later.
    #expect(resolve(plain, .pretrained).compression.basis == nil)
    plain.compression.macs = 0.5
    #expect(resolve(plain, .pretrained).compression.basis == .activations)
    #expect(resolve(plain, .random, steps: 90).compression.basis == .activations)
    plain.compression.basis = .weights
    #expect(resolve(plain, .pretrained).compression.basis == .weights)
    var trained = Recipe()
    trained.compression.macs = 0.5
    #expect(resolve(trained, .pretrained).compression.basis == .activations)
    #expect(resolve(trained, .random, steps: 90).compression.basis == .weights)
  }

  @Test func `a teacher is usual where a finished network is compressed and trained on, and nowhere else`() {
    var recipe = Recipe()
    #expect(resolve(recipe, .pretrained).distillation.weight == 0)
    recipe.finetuning.epochs = 3
    #expect(resolve(recipe, .pretrained).distillation.weight == Defaults.distillation)
    #expect(resolve(recipe, .compressionTrained).distillation.weight == 0)
    #expect(resolve(recipe, .pretrained, steps: 90).distillation.weight == 0)
    recipe.model.newHead = true
    #expect(resolve(recipe, .pretrained).distillation.weight == 0)
  }

  @Test func `what was resolved is resolved to itself`() {
    for origin in [Defaults.Context.Origin.random, .pretrained, .compressionTrained] {
      for steps in [nil, 90] {
        var recipe = Recipe()
        (recipe.compression.macs, recipe.finetuning.epochs) = (0.5, 2)
        let once = resolve(recipe, origin, steps: steps)
        #expect(resolve(once, origin, steps: steps) == once)
      }
    }
  }

  @Test func `a training that makes its network smaller goes to the size asked for, unless an energy is given`() {
    var recipe = Recipe()
    recipe.compression.compactAt = [2]
    #expect(recipe.trainingOptions.compaction?.settings.target == .energy(recipe.compression.energy))
    recipe.compression.macs = 0.3
    #expect(recipe.trainingOptions.compaction?.settings.target == .macs(0.3))
    (recipe.regularizer.nuclear, recipe.regularizer.group) = (0, 0)
    let compaction = resolve(recipe, .random, steps: 90).trainingOptions.compaction
    #expect(compaction?.settings.allocator == .global && compaction?.settings.units == .weakest)
    #expect(compaction?.activationImages == 512)
    recipe.compression.compactEnergy = 0.8
    #expect(recipe.trainingOptions.compaction?.settings.target == .energy(0.8))
  }

  @Test func `pretrained weights are regularised less, unless a size tells how much`() throws {
    var recipe = Recipe()
    (recipe.training.epochs, recipe.training.lr) = (6, 0.01)
    func strength(_ origin: Defaults.Context.Origin) throws -> Double {
      try #require(resolve(recipe, origin, steps: 300).regularizer.nuclear)
    }
    let ratio = try strength(.pretrained) / strength(.random)
    #expect(abs(ratio * Defaults.totalRegularization - Defaults.pretrainedTotalRegularization) < 1e-3)
    recipe.compression.macs = 0.5
    #expect(try strength(.pretrained) == strength(.random))
  }

  @Test func `strengths that are left open mean the same for any length of training`() throws {
    var recipe = Recipe()
    (recipe.training.epochs, recipe.training.warmupEpochs, recipe.training.schedule) = (10, 0, .constant)
    let short = try #require(resolve(recipe, .random, steps: 500).regularizer.nuclear)
    recipe.training.epochs = 20
    let long = try #require(resolve(recipe, .random, steps: 500).regularizer.nuclear)
    #expect(abs(short - 2 * long) < 0.01 * short)
    recipe.regularizer.nuclear = 0.5
    #expect(resolve(recipe, .random, steps: 500).regularizer.nuclear == 0.5)
  }
}
