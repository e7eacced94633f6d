import Compaction
import Datasets
import Interchange
import Training

extension Model {
  /// What makes the model small enough: a value that can be printed and edited; nothing has changed.
  ///
  /// How ranks are chosen follows from the model's history: a network that was trained for compression is cut by one
  /// share of its energy, any other layer by layer, by its activations for images.
  ///
  /// - Parameters:
  ///   - goal: such as `.macs(0.5)`, at most half of the multiply-accumulates.
  ///   - data: its training images show what layers read; nil decides by the weights alone.
  ///   - skip: names of layers that stay as they are, `*` for anything; nil is the first and the last.
  ///   - observe: told how far planning has come.
  /// - Throws: `PlanError` when the goal cannot be reached, `DatasetError`, `NetworkError`.
  public func plan(
    _ goal: Target, using data: Dataset? = nil, skip: [String]? = nil, observe: @escaping RunObserver = { _ in }
  ) throws -> Plan {
    var recipe = try compressionRecipe()
    recipe.compression.target = goal
    if let skip { recipe.regularizer.skip = skip }
    recipe = Defaults.resolve(recipe, for: compressionContext(recipe))
    return try RunSteps(recipe, observe: observe).plan(network, on: data?.prepared(for: self))
  }

  /// The model made small by a plan: rewritten, proved equal to what the plan keeps, batch norm measured again where
  /// that helps on held-out images.
  ///
  /// - Parameters:
  ///   - data: for batch norm; nil leaves it as it is. A plan that was made by images needs it. It may be one without
  ///     labels.
  ///   - observe: told of the proof and the accuracies on the way (`RunEvent.compressed`).
  /// - Throws: `CompactionError` when equality cannot be proved, `DatasetError`, `NetworkError`.
  public func compressed(
    by plan: Plan, using data: Dataset? = nil, observe: @escaping RunObserver = { _ in }
  ) throws -> Model {
    if plan.activationImages != nil, data == nil {
      throw PlanError("the plan was made by the activations for images; give the data set that they are from")
    }
    var steps = try RunSteps(compressionRecipe(), observe: observe)
    let prepared = try data?.prepared(for: self)
    if let prepared { try steps.imitate(self, on: prepared) }
    let compressed = try steps.compress(self, on: prepared, by: plan)
    observe(.compressed(compressed))
    return compressed.model
  }
}

extension Model {
  /// The recipe that the model was trained with, made ready for compressing it: what it was trained to be, computed on
  /// and learnt from does not hold any more.
  package func compressionRecipe() throws -> Recipe {
    guard let recipe else { return Recipe() }
    var result = try Recipe(yaml: recipe, name: "in the model file", earlier: .read)
    (result.compression.target, result.regularizer.automaticStrength, result.finetuning.epochs) = (nil, nil, 0)
    (result.distillation.weight, result.distillation.teacher) = (nil, nil)
    (result.training.ema, result.training.patience) = (nil, nil)
    (result.training.lr, result.finetuning.lr) = (result.finetuning.lr ?? result.training.lr, nil)
    (result.machine.device, result.machine.threads, result.machine.workers) = (MachineRecipe().device, nil, nil)
    result.model.newHead = false
    result.data.images = nil
    return result
  }

  /// What a recipe is resolved for that compresses the model at once.
  ///
  /// - Parameters:
  ///   - ownRecipe: made of the one that it was trained with, which says what its weights come from.
  ///   - images: how many there are to fine-tune on.
  package func compressionContext(_ ownRecipe: Recipe, images: Int? = nil) -> Defaults.Context {
    Defaults.Context(
      origin: recipe == nil ? .pretrained : ownRecipe.origin, network: network, images: images, trains: false)
  }
}
