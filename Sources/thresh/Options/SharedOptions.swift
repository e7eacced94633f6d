import ArgumentParser
import Training

/// Which images, and where they lie.
struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "cifar10, cifar100, fashion-mnist, mnist, chars36, glyphs, or a folder of images.", valueName: "name|folder"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "The folder where the data set lies (default: THRESH_DATA, then the cache).", valueName: "folder"))
  var dataDir: String?
  @Flag(
    inversion: .prefixedNo,
    help: "Decode every image of a folder first and leave out those that are broken (default: they are refused).")
  var skipBroken: Bool?
}

/// How a model is named everywhere.
struct ModelArgument: ParsableArguments {
  @Argument(help: "A model file (ONNX too), a run's folder, or an architecture's name with --weights.")
  var model: String

  @Option(
    help: ArgumentHelp("Weights for an architecture given by name (safetensors, or PyTorch's .pth).", valueName: "file")
  )
  var weights: String?

  @OptionGroup var reading: ReadingArguments

  func source() throws -> ModelSource { try ModelSource(model, weights: weights) }
}

/// What computes, and with how much.
struct ComputeOptions: ParsableArguments {
  @Option(help: ArgumentHelp("cpu, cuda or cuda:N (default: cpu).", valueName: "device"))
  var device: String?
  @Option(help: ArgumentHelp("Threads of libtorch; all cores by default.", valueName: "n"))
  var threads: Int?

  func apply(to recipe: inout Recipe) {
    set(&recipe.device, device)
    set(&recipe.threads, threads)
  }
}

/// What the compact network learns from beside the labels, in `train` and `compress` alike.
struct DistillationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Share of the loss that is the distance to a teacher's outputs, 0 to 1 (default: 0.7 where compress fine-tunes a "
        + "network that was not trained to be small, else 0).", valueName: "share"))
  var distillation: Double?
  @Option(
    help: ArgumentHelp(
      "The teacher, for the whole run (default: the network before it was cut, for the compact one).",
      valueName: "model"))
  var teacher: String?
  @Option(help: ArgumentHelp("How far the teacher's probabilities are evened out (default: 4).", valueName: "x"))
  var temperature: Double?

  func apply(to recipe: inout Recipe) {
    set(&recipe.distillation, distillation)
    set(&recipe.teacher, teacher)
    set(&recipe.temperature, temperature)
  }
}

/// Takes an option over when it was given.
func set<Value>(_ target: inout Value, _ given: Value?) {
  if let given { target = given }
}

/// The same for what a recipe may leave open: one that was not given opens nothing again.
func set<Value>(_ target: inout Value?, _ given: Value?) {
  if let given { target = given }
}
