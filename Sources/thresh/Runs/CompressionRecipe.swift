import Datasets
import Interchange
import Training

extension Recipe {
  /// The recipe of a plan for a finished network, and whether nothing says that its weights were trained to be small.
  static func compressing(
    _ model: Model, _ planning: PlanOptions, _ data: DataOptions, _ compute: ComputeOptions
  ) throws -> (recipe: Recipe, givenWeights: Bool) {
    // What the network was trained with says which images were held out and how it is trained on.
    var recipe = try model.recipe.map { try Recipe(yaml: $0, name: "in the model file") } ?? Recipe()
    // Of weights without one nothing says that a regulariser trained them.
    if model.recipe == nil { (recipe.lr, recipe.nuclear, recipe.group) = (0.02, 0, 0) }
    (recipe.parameters, recipe.macs, recipe.time, recipe.finetuneEpochs, recipe.steer) = (nil, nil, nil, 0, nil)
    // What the run computed on and learnt from need not be here.
    (recipe.device, recipe.distillation, recipe.teacher) = ("cpu", 0, nil)
    planning.apply(to: &recipe)
    set(&recipe.data, data.data)
    set(&recipe.dataDir, data.dataDir)
    set(&recipe.skipBroken, data.skipBroken)
    compute.apply(to: &recipe)
    let givenWeights = model.recipe == nil || recipe.hasGivenWeights
    return (recipe.resolvingPlan(givenWeights: givenWeights), givenWeights)
  }

  func noteWeightsDecide(without data: Dataset?) {
    guard data == nil, basis == .activations else { return }
    Console.note("note: without --data the weights decide what goes; what layers give for images keeps far more")
  }
}

extension PlanOptions {
  /// - Throws: `RecipeError` when activations are to decide, but there are no images.
  func checkImages(_ data: DataOptions) throws {
    guard basis == .activations, data.data == nil else { return }
    throw RecipeError("--basis responses needs images; name them with --data")
  }
}
