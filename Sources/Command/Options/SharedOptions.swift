import ArgumentParser
import Foundation
import Thresh

extension ModelSource {
  /// The model, what was assumed told.
  func loadTelling(for data: Dataset? = nil, _ options: ReadingOptions) throws -> Model {
    let model = try load(for: data, options)
    Console.tell(model.notes)
    return model
  }
}

extension Dataset {
  /// The data set as the model wants it, what was assumed of the two told.
  func preparedTelling(for model: Model, allowsSubset: Bool = false) throws -> Dataset {
    let result = try prepared(for: model, allowsSubset: allowsSubset)
    Console.tell(result.notes.dropFirst(notes.count))
    return result
  }
}

extension Recipe {
  /// The data set, its look at files shown and its notes told.
  func datasetTelling(
    for preprocessing: Preprocessing? = nil, parts: ImageFolder.Reading.Parts = .all
  ) throws -> Dataset {
    let data = try dataset(for: preprocessing, parts: parts, observe: Console.show)
    Console.tell(data.notes)
    return data
  }
}

extension Recipe {
  /// Takes the test images that a model's own training set apart, where no other share is asked for.
  mutating func follow(_ model: Model, unless data: DataOptions) throws {
    guard data.testShare == nil, let own = model.recipe else { return }
    self.data.testShare = try Recipe(yaml: own, name: "in the model file", earlier: .read).data.testShare
  }
}

/// Which images, and where they lie.
struct DataOptions: ParsableArguments, Encodable {
  @Option(
    help: ArgumentHelp(
      "cifar10, cifar100, fashion-mnist, mnist, chars36, glyphs, or a folder of images.", valueName: "name|folder"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "Folder of the data set (default: THRESH_DATA, then the cache).", valueName: "folder"))
  var dataDir: String?
  @Flag(
    inversion: .prefixedNo,
    help: "Decode every image of a folder first and leave out broken ones (default: a broken image is an error).")
  var skipBroken: Bool?
  @Option(
    help: ArgumentHelp(
      "Share of every class that is the test part if a folder has only train (default: the model's, or 0.1).",
      valueName: "share"))
  var testShare: Double?
  @Option(
    help: ArgumentHelp(
      "Shorter side that photographs are resized to before a part of the network's size is cut out (default: the "
        + "model's, or 256 for 224).", valueName: "pixels"))
  var imageResize: Int?
}

/// How a model is named everywhere.
struct ModelArgument: ParsableArguments {
  @Argument(help: "A model file (ONNX too), a run's folder, or an architecture's name with --weights.")
  var model: String

  @Option(
    help: ArgumentHelp("Weights for an architecture given by name (safetensors, or PyTorch's .pth).", valueName: "file")
  )
  var weights: String?

  @OptionGroup(title: "Advanced") var reading: ReadingArguments

  func source() throws -> ModelSource { try ModelSource(model, weights: weights) }

  /// The file that a run's folder stands for; nil where a file or an architecture was named.
  func fileOfRun() throws -> String? {
    guard case .file(let file) = try source(), file.path != URL(filePath: model).path else { return nil }
    return model + "/" + file.lastPathComponent
  }

  /// The model, what was assumed told; `data` is the data set that it is to be used with, by its name.
  func load(data: String? = nil, _ unlabelled: UnlabelledOptions? = nil) throws -> Model {
    var options = try reading.options(data: data)
    unlabelled?.adopt(&options)
    return try source().loadTelling(options)
  }
}

/// Whether a network that was trained for other classes learns those of the data, in `train` and `compress` alike.
struct NewHeadOption: ParsableArguments {
  @Flag(help: "Replace the last layer by a new one for the data's classes, whatever classes the weights are for.")
  var newHead = false
}

/// What computes, and with how much.
struct ComputeOptions: ParsableArguments, Encodable {
  @Option(help: ArgumentHelp("cpu, cuda or cuda:N (default: cpu).", valueName: "device"))
  var device: String?
  @Option(help: ArgumentHelp("Threads of libtorch; all cores by default.", valueName: "n"))
  var threads: Int?
  @Option(help: workersHelp)
  var workers: Int?
}

let workersHelp = ArgumentHelp(
  "Threads that prepare images (default: the cores without --threads, 1 to 8; with a GPU all, up to 16).",
  valueName: "n")

/// What the compact network learns from beside the labels, in `train` and `compress` alike.
struct DistillationOptions: ParsableArguments, Encodable {
  @Option(
    help: ArgumentHelp(
      "Share of the loss from a teacher's outputs, 0 to 1 (default: 0.7 if compress fine-tunes a network that is "
        + "not compression-trained, else 0).", valueName: "share"))
  var distillation: Double?
  @Option(
    help: ArgumentHelp(
      "Teacher of the whole run (default: the uncompressed network, for the compact one).",
      valueName: "model"))
  var teacher: String?
  @Option(help: ArgumentHelp("Temperature of the teacher's probabilities (default: 4).", valueName: "x"))
  var temperature: Double?
}

// A group of options is given to a recipe as it is encoded: by the names of its properties.
extension Option: @retroactive Encodable where Value: Encodable {
  public func encode(to encoder: any Encoder) throws { try wrappedValue.encode(to: encoder) }
}

extension Flag: @retroactive Encodable where Value: Encodable {
  public func encode(to encoder: any Encoder) throws { try wrappedValue.encode(to: encoder) }
}
