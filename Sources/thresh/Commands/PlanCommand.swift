import ArgumentParser
import Compaction
import Interchange
import Networks
import Training

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
  @OptionGroup var data: DataOptions
  @OptionGroup var compute: ComputeOptions
  @Flag(help: "Print the plan as JSON, which compress --plan reads.")
  var json = false

  func run() throws {
    let model = try self.model.source().load(self.model.reading.options(data: data.data))
    let recipe = try Recipe.compressing(model, planning, data, compute).recipe
    try recipe.validate()
    try planning.checkImages(data)
    let data = try self.data.data.map { _ in try recipe.dataset(for: model.preprocessing).prepared(for: model) }
    let plan = try RunSteps(recipe).plan(model.network, on: data)
    if json { try Console.json(plan) } else { print(PlanTable.text(plan)) }
    recipe.noteWeightsDecide(without: data)
  }
}
