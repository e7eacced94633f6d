import Compaction
import Datasets
import Interchange
import Training

extension Model {
  /// What makes the model small enough: a value that can be printed and edited; nothing has changed.
  ///
  /// How ranks are chosen follows from the model's history: a network that was trained for compression is cut by one share
  /// of its energy, any other layer by layer, by its activations for images.
  ///
  /// - Parameters:
  ///   - goal: such as `.macs(0.5)`, at most half of the multiply-accumulates.
  ///   - data: its training images show what layers read; nil decides by the weights alone.
  ///   - skip: names of layers that stay as they are, `*` for anything; nil is the first and the last.
  ///   - observe: told how far planning has come.
  /// - Throws: `PlanError` when the goal cannot be reached, `DatasetError`, `NetworkError`.
  public func plan(
    _ goal: PlanGoal, using data: Dataset? = nil, skip: [String]? = nil, observe: @escaping RunObserver = { _ in }
  ) throws -> Plan {
    var recipe = try compressionRecipe()
    recipe.adopt(goal)
    if let skip { recipe.skip = skip }
    recipe = recipe.resolvingPlan(givenWeights: hasGivenWeights(recipe))
    return try RunSteps(recipe, observe: observe).plan(self, on: data?.prepared(for: self))
  }

  /// The model made small by a plan: rewritten, proved equal to what the plan keeps, batch norm measured again where that
  /// helps on held-out images.
  ///
  /// - Parameters:
  ///   - data: for batch norm; nil leaves it as it is. A plan that was made by images needs it.
  ///   - observe: told of the proof and the accuracies on the way (`RunEvent.compressed`).
  /// - Throws: `CompactionError` when equality cannot be proved, `DatasetError`, `NetworkError`.
  public func compressed(
    by plan: Plan, using data: Dataset? = nil, observe: @escaping RunObserver = { _ in }
  ) throws -> Model {
    if plan.responses != nil, data == nil {
      throw PlanError("the plan was made by the activations for images; give the data set that they are from")
    }
    let compressed = try RunSteps(compressionRecipe(), observe: observe)
      .compress(self, by: plan, on: data?.prepared(for: self))
    observe(.compressed(compressed))
    return compressed.model
  }
}

extension Model {
  /// The recipe that the model was trained with, made ready for compressing it: what it was trained to be, computed on and
  /// learnt from does not hold any more.
  package func compressionRecipe() throws -> Recipe {
    var result = try recipe.map { try Recipe(yaml: $0, name: "in the model file") } ?? Recipe()
    // Of weights without one nothing says that a regulariser trained them.
    if recipe == nil { (result.lr, result.nuclear, result.group) = (0.02, 0, 0) }
    (result.parameters, result.macs, result.time, result.finetuneEpochs, result.steer) = (nil, nil, nil, 0, nil)
    (result.device, result.distillation, result.teacher, result.threads) = ("cpu", 0, nil, nil)
    return result
  }

  /// Whether its training started from weights that were there already.
  package func hasGivenWeights(_ ownRecipe: Recipe) -> Bool { recipe == nil || ownRecipe.hasGivenWeights }
}

extension Recipe {
  mutating func adopt(_ goal: PlanGoal) {
    switch goal {
    case .energy(let share): energy = share
    case .size(let fractions): (parameters, macs) = (fractions.parameters, fractions.macs)
    case .time(let fraction): time = fraction
    }
  }
}
