import ArgumentParser
import Training

/// Which images, and where they lie.
struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "cifar10, cifar100, fashion-mnist, mnist, chars36, glyphs, or a folder of images.", valueName: "name|folder"))
  var data: String?

  @Option(help: ArgumentHelp("Where data sets lie; else THRESH_DATA, then the cache.", valueName: "folder"))
  var dataDir: String?
}

/// How a model is named everywhere.
struct ModelArgument: ParsableArguments {
  @Argument(help: "A model file (ONNX too), a run's folder, or an architecture's name with --weights.")
  var model: String

  @Option(
    help: ArgumentHelp("Weights for an architecture given by name (safetensors, or PyTorch's .pth).", valueName: "file")
  )
  var weights: String?
}

/// What computes, and with how much.
struct ComputeOptions: ParsableArguments {
  @Option(help: ArgumentHelp("cpu, cuda or cuda:N (default: cpu).", valueName: "device"))
  var device: String?
  @Option(help: ArgumentHelp("Threads of libtorch; all cores by default.", valueName: "n"))
  var threads: Int?

  func apply(to recipe: inout Recipe) {
    set(&recipe.device, device)
    if let threads { recipe.threads = threads }
  }
}
