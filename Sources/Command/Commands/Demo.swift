import ArgumentParser
import Foundation
import Reports
import Thresh

struct Demo: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Compare three ways to a network of a tenth the size, on images that the program draws; takes minutes.",
    discussion: """
      Example:
        thresh demo --output demo

      The network is a lenet5 with four times the units. At a tenth of its parameters a network that was trained \
      ordinarily can be cut as well; with --parameters 0.033 it has to be trained for it.
      """)

  @Option(
    help: ArgumentHelp("Folder for the runs and the compact model; its contents are replaced.", valueName: "folder"))
  var output = "demo"
  @Option(help: ArgumentHelp("Epochs of every network, in all.", valueName: "n"))
  var epochs = 16
  @Option(help: ArgumentHelp("Training images.", valueName: "n"))
  var images = 8000
  @Option(help: ArgumentHelp("Fraction of the parameters to keep.", valueName: "fraction"))
  var parameters = 0.1
  @Option(help: ArgumentHelp("Learning rate; compact networks are tuned at 0.4 of it.", valueName: "x"))
  var lr = 0.05
  @OptionGroup var compute: ComputeOptions
  @Flag(help: "Print the table as JSON.")
  var json = false

  func run() throws {
    guard epochs >= 4, epochs <= 1000 else { throw RecipeError("--epochs is \(epochs), expected 4 to 1000") }
    guard images >= 720, images <= 1_000_000 else {
      throw RecipeError("--images is \(images), expected 720 to 1000000")
    }
    var recipe = Recipe()
    recipe.data.name = Glyphs.name
    // A network that has something to spare: lenet5 with four times the units.
    recipe.model.name = Catalogue.lenet5.rawValue
    recipe.model.width = 4
    recipe.training.batchSize = 64
    recipe.training.lr = lr
    recipe.compression.parameters = parameters
    try recipe.adopt(compute)
    try recipe.validate()
    var data = try Glyphs(train: images, test: 4000).dataset().holdingOut(
      recipe.data.validation, seed: recipe.training.seed)
    data.workers = recipe.workers
    let show = DemoShow(recipe: recipe, data: data, folder: URL(filePath: output), epochs: epochs, json: json)
    try show.run()
  }
}

/// The contenders of the demonstration, each trained for as many epochs, and their table.
struct DemoShow {
  let recipe: Recipe
  let data: Dataset
  let folder: URL
  let epochs: Int
  /// Whether the table is printed as JSON.
  let json: Bool

  struct Row: Encodable {
    var network: String
    var top1: Double
    var parameters: Int
    var macs: Int
    var trainingSeconds: Double
    var millisecondsPerImage: Double
  }

  struct Contender {
    var name: String
    var model: Model
    var top1: Double
    /// What its training took, its cut included.
    var seconds: Double
  }

  /// The share of the epochs before the network is made compact.
  private var firstEpochs: Int { max(1, epochs / 2) }

  func run() throws {
    let dense = try train("dense", in: "dense") { $0.training.epochs = epochs }
    let cut = try train("(a) dense, cut halfway", in: "a") { halve(&$0) }
    let compact = try train("(b) trained for it", in: "b") { recipe in
      halve(&recipe)
      // The strengths follow from the size; the cut is the one of (a).
      recipe.regularizer = RegularizerRecipe()
      recipe.compression.basis = .activations
      (recipe.compression.allocation, recipe.compression.decomposition) = (.global, .any)
    }
    let limit = Int((recipe.compression.parameters ?? 1) * Double(try dense.model.network.cost().parameters))
    let usual = try Model(recipe.model.name, for: data, seed: recipe.training.seed).network
    let width = try usual.width(withinParameters: limit, upTo: recipe.model.width)
    let small = try train("(c) small from scratch", in: "c") { recipe in
      (recipe.training.epochs, recipe.model.width) = (epochs, width)
    }
    let contenders = [dense, cut, compact, small]
    try show(contenders, compact)
    guard !json else { return }
    print("The demo took \(contenders.map(\.seconds).reduce(0, +).formattedDuration).")
  }

  private func halve(_ recipe: inout Recipe) {
    recipe.training.epochs = firstEpochs
    recipe.finetuning.epochs = epochs - firstEpochs
    // A pair of factors moves further at the same rate.
    recipe.finetuning.lr = recipe.training.lr.map { 0.4 * $0 }
  }

  private func train(_ name: String, in place: String, _ change: (inout Recipe) -> Void) throws -> Contender {
    Console.note("\n\(name)")
    let clock = ContinuousClock.now
    var recipe = recipe
    recipe.regularizer = .off
    change(&recipe)
    let seed = recipe.training.seed
    var start = try Model(recipe.model.name, for: data, seed: seed)
    start.network = try start.network.scaled(toWidth: recipe.model.width, seed: seed)
    let outcome: Session.Outcome
    do {
      outcome = try session(recipe, try emptied(place)).run(from: start, on: data)
    } catch TrainingInterruption.stopped {
      throw Stopped(description: "stopped in \(name); a demo begins anew")
    }
    let duration = clock.duration(to: .now).components
    return Contender(
      name: name, model: outcome.model, top1: outcome.result.test.top1 ?? 0,
      seconds: Double(duration.seconds) + Double(duration.attoseconds) * 1e-18)
  }

  private func session(_ recipe: Recipe, _ folder: URL) throws -> Session {
    try Session(recipe, in: folder, stopping: Interruption.asked, observe: Console.show)
  }

  private func emptied(_ place: String) throws -> URL {
    let url = folder.appending(path: place, directoryHint: .isDirectory)
    try? FileManager.default.removeItem(at: url)
    return url
  }

  private func show(_ contenders: [Contender], _ compact: Contender) throws {
    let batch = 32
    let times = try Stopwatch.millisecondsPerImage(contenders.map(\.model.network), batch: batch, rounds: 25)
    let rows = try zip(contenders, times).map { contender, time in
      let cost = try contender.model.network.cost()
      return Row(
        network: contender.name, top1: contender.top1, parameters: cost.parameters, macs: cost.macs,
        trainingSeconds: contender.seconds, millisecondsPerImage: time)
    }
    let model = folder.appending(path: "compact.safetensors")
    try compact.model.write(to: model)
    guard !json else { return try Console.json(rows) }
    var table = TextTable([
      .text("network"), .number("top-1"), .number("parameters"), .number("MACs", leaving: 2),
      .number("training", leaving: 1), .number("ms per image"),
    ])
    for row in rows {
      table.append([
        row.network, (row.top1 / 100).formattedPercent(decimals: 1), row.parameters.formattedCount,
        row.macs.formattedCount, row.trainingSeconds.formattedDuration, row.millisecondsPerImage.formatted(decimals: 3),
      ])
    }
    Console.print(
      """

      \(data.train.count) glyphs of 36 classes, \(epochs) epochs each, one seed, \(data.test.count) test images;
      times at batch \(batch) on \(Library.threads) threads, median of 25 in turns

      \(table.text(Console.output))

      The compact model is \(model.relativePath). Use it:
        .build/release/thresh evaluate \(model.relativePath) --data glyphs
        .build/release/thresh inspect \(model.relativePath)
        .build/release/thresh predict \(model.relativePath) IMAGE.png
      """)
  }
}
