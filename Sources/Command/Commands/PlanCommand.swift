import ArgumentParser
import Thresh

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Show what compress would do to each layer, why, and what it would cost; write nothing.",
    discussion: """
      Example: what goes at half of the MACs, and the same as a file that compress takes back:
        thresh plan run --macs 0.5 --data cifar10
        thresh plan run --macs 0.5 --data cifar10 --json > plan.json
        thresh compress run --plan plan.json --data cifar10 --output small.safetensors

      The file may be edited: each layer's form ("dense", or {"rank": 8, "decomposition": "kxk-1x1"}) and its units. \
      Layers that share their units need the same change. All other numbers are computed anew.
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup var planning: PlanOptions
  @OptionGroup(title: "Main options") var data: DataOptions
  @OptionGroup(title: "Main options") var unlabelled: UnlabelledOptions
  @OptionGroup(title: "Machine") var compute: ComputeOptions
  @OptionGroup(title: "Advanced") var advancedPlan: AdvancedPlanOptions
  @Flag(help: "Print the plan as JSON, which compress --plan reads.")
  var json = false

  func run() throws {
    try unlabelled.check(data)
    let model = try self.model.load(data: data.data, unlabelled)
    let recipe = try resolvedRecipe(model)
    let data = try (self.data.data ?? unlabelled.images).map { _ in
      try recipe.datasetTelling(for: model.preprocessing).preparedTelling(for: model)
    }
    let plan = try RunSteps(recipe, observe: Console.show).plan(model.network, on: data)
    if json { try Console.json(plan) } else { Console.print(plan.text(Console.output, all: "--json")) }
    recipe.noteWeightsDecide(without: data)
  }

  private func resolvedRecipe(_ model: Model) throws -> Recipe {
    var recipe = try model.compressionRecipe()
    try planning.apply(to: &recipe)
    try recipe.adopt(data)
    try recipe.adopt(unlabelled)
    try recipe.adopt(compute)
    try recipe.adopt(advancedPlan)
    recipe = Defaults.resolve(recipe, for: model.compressionContext(recipe))
    try recipe.validate()
    try planning.checkImages(data.data ?? unlabelled.images != nil)
    return recipe
  }
}

extension Recipe {
  func noteWeightsDecide(without data: Dataset?) {
    guard data == nil, compression.basis?.needsImages ?? false else { return }
    Console.note(
      "note: without images (--data or --images) the plan goes by the weights; by activations for images it keeps far more"
    )
  }
}
