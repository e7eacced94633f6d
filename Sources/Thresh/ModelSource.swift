import Architectures
import Containers
import Datasets
import Foundation
import Interchange
import Networks
import Reports
import Torch
import Training

/// Where a model comes from: a word stands for a file, a run's folder, or an architecture with or without weights.
package enum ModelSource {
  case file(URL)
  case architecture(Catalogue, weights: URL?)

  /// - Throws: `NetworkError` when it is neither a file, a run's folder nor a known architecture.
  package init(_ word: String, weights: String?) throws {
    var isFolder: ObjCBool = false
    if let known = Catalogue(rawValue: word) {
      self = .architecture(known, weights: weights.map { URL(filePath: $0) })
    } else if FileManager.default.fileExists(atPath: word, isDirectory: &isFolder) {
      let url = URL(filePath: word)
      guard weights == nil else {
        let kind = try FileKind(of: url)
        throw NetworkError(
          kind.isWeights && !Self.isModel(url)
            ? "\(word) is \(kind.description); its `weights` need the name of an architecture as the model"
            : "\(word) holds its own weights; leave `weights` out, or name an architecture")
      }
      guard isFolder.boolValue else {
        self = .file(url)
        return
      }
      guard let model = RunFolder(url).model else {
        guard !FileManager.default.fileExists(atPath: word + "/saved_model.pb") else {
          throw NetworkError("\(word) is a SavedModel of TensorFlow, which is not read; export the model to ONNX")
        }
        throw NetworkError("\(word) is a folder without a model; expected a run's folder with last.safetensors in it")
      }
      self = .file(model)
    } else {
      let names = Catalogue.allCases.map(\.rawValue)
      let hint = Suggestion.nearest(to: word, among: names).map { "did you mean \($0)?" }
      throw NetworkError(
        """
        model \(word) is neither a file nor a known architecture (thresh models lists them); \
        \(hint ?? "check the path")
        """)
    }
  }

  /// The model, with a network for images of `shape` where the architecture leaves that open. Its `notes` say what was
  /// assumed while reading it.
  ///
  /// - Parameters:
  ///   - data: the data set it is to be used with, if there is one.
  ///   - seed: of the weights, where none are given.
  ///   - keepsClasses: whether weights may tell other classes apart than the data set has, as their classifier will be
  ///     replaced.
  ///   - options: what the file leaves open.
  package func load(
    for data: Dataset? = nil, seed: UInt64 = 0, keepsClasses: Bool = false,
    _ options: ReadingOptions = ReadingOptions()
  ) throws -> Model {
    do {
      return try read(for: data, seed: seed, keepsClasses, options)
    } catch let choice as OpenChoice {
      let option =
        switch choice.question {
        case .output: "output-name"
        case .imageSize: "image-size"
        }
      throw ContainerError("\(choice) (`\(option)`)")
    }
  }

  private func read(
    for data: Dataset?, seed: UInt64, _ keepsClasses: Bool, _ options: ReadingOptions
  ) throws -> Model {
    var model = try given(data, seed, keepsClasses, options)
    guard case .architecture(_, let weights) = self else { return model }
    // The images of a data set come in the size that they have.
    var rest = options
    rest.imageSize = nil
    try model.adopt(rest, weights?.lastPathComponent ?? "", tellsNormalization: false)
    return model
  }

  private func given(
    _ data: Dataset?, _ seed: UInt64, _ keepsClasses: Bool, _ options: ReadingOptions
  ) throws -> Model {
    switch self {
    case .file(let url): return try Self.model(of: url, options)
    case .architecture(let name, let weights):
      guard let weights = try weights.map(Self.fileOfWeights) else {
        var result = try model(name, nil, data, seed, keepsClasses, options)
        result.isTrained = false
        return result
      }
      if try FileKind(of: weights) == .safetensors {
        let stored = try Safetensors(contentsOf: weights)
        if Model.isModel(stored) {
          let file = stored.file.lastPathComponent
          var result = try model(name, Model(stored), file)
          try result.adopt(options, file)
          return result
        }
      }
      return try model(name, Self.weights(in: weights), data, seed, keepsClasses, options)
    }
  }

  /// The file that stands for what was given as weights: the model of a run's folder.
  private static func fileOfWeights(_ given: URL) throws -> URL {
    guard try FileKind(of: given) == .folder, let model = RunFolder(given).model else { return given }
    return model
  }

  private static func weights(in file: URL) throws -> WeightFile {
    guard try FileKind(of: file) != .onnx else {
      throw NetworkError("\(file.lastPathComponent) is an ONNX file, a network with its weights; name it as the model")
    }
    return try WeightFile(contentsOf: file)
  }

  /// Whether a file is of a kind that is read as ONNX.
  package var isONNX: Bool { if case .file(let file) = self { (try? FileKind(of: file)) == .onnx } else { false } }

  /// Whether a file is one that Thresh wrote.
  private static func isModel(_ file: URL) -> Bool {
    (try? FileKind(of: file)) == .safetensors && (try? Safetensors(contentsOf: file)).map(Model.isModel) ?? false
  }

  /// The model in a file of any kind that is read: Thresh's own, or ONNX.
  private static func model(of file: URL, _ options: ReadingOptions) throws -> Model {
    let kind = try FileKind(of: file)
    switch kind {
    case .onnx: return try ONNXFile.model(contentsOf: file, options)
    case .safetensors:
      var model = try Model(contentsOf: file)
      try model.adopt(options, file.lastPathComponent)
      return model
    case _ where kind.isWeights:
      throw ContainerError(
        """
        \(file.lastPathComponent) is \(kind.description); name the architecture that it is for and give the file as \
        its `weights`, or export the model to ONNX
        """)
    default: throw kind.refusal(of: file)
    }
  }

  /// A model file given as weights brings its description too, but has to be of the architecture that was named.
  private func model(_ name: Catalogue, _ stored: Model, _ file: String) throws -> Model {
    let network = try name.network(input: stored.network.inputShape, classes: stored.classNames.count, seed: 0)
    var result = stored
    result.network = try network.loading(stored.network.parameters, from: file)
    return result
  }

  private func model(
    _ name: Catalogue, _ weights: WeightFile?, _ data: Dataset?, _ seed: UInt64, _ keepsClasses: Bool,
    _ options: ReadingOptions
  ) throws -> Model {
    let usual = name.usual
    let asked = options.imageSize.map { [usual.shape[0], $0, $0] }
    let shape = data.map { [$0.shape.channels, $0.shape.height, $0.shape.width] } ?? asked ?? usual.shape
    var classes = data?.classNames ?? (0..<usual.classes).map { "class \($0)" }
    func network(_ count: Int) throws -> Network {
      do {
        return try name.network(input: shape, classes: count, seed: seed)
      } catch let error as NetworkError {
        throw NetworkError(
          "\(name.rawValue) cannot take images of \(shape[1])×\(shape[2]) pixels: \(error.description)")
      }
    }
    var (built, notes) = (try network(classes.count), [String]())
    if let weights {
      let taken = try selection(of: weights, for: built, classesAreFree: data == nil || keepsClasses, network)
      built = try taken.network.loading(taken.selection)
      if let note = taken.selection.note { notes.append(note) }
      let count = try built.validate()[built.output]?.first ?? classes.count
      if count != classes.count { classes = (0..<count).map { "class \($0)" } }
    }
    // Weights without a description of their images were trained with the architecture's usual normalisation.
    let normalization = weights == nil ? data?.normalization : nil
    let preprocessing = Preprocessing(
      channelOrder: shape[0] == 1 ? .grey : .rgb, height: shape[1], width: shape[2],
      mean: normalization?.mean ?? usual.mean(shape[0]), std: normalization?.std ?? usual.std(shape[0]),
      resize: data?.resize)
    var model = Model(network: built, preprocessing: preprocessing, classNames: classes)
    model.notes = notes
    if let weights, let data, classes == data.classNames {
      model.notes.append(
        "\(weights.name) does not name its classes; they are taken in this order: \(classes.shortList)")
    }
    if let weights, options.mean == nil {
      let channels = shape[0] == 1 ? "mean 0.449" : "mean 0.485, 0.456, 0.406"
      model.notes.append("\(weights.name) does not say how images are normalised: ImageNet's \(channels) is assumed")
    }
    return model
  }
}

/// What of a file goes into which network.
extension ModelSource {
  /// - Parameters:
  ///   - classesAreFree: whether the network may have as many classes as the weights, and not its own number.
  ///   - network: the architecture with a number of classes.
  private func selection(
    of file: WeightFile, for own: Network, classesAreFree: Bool, _ network: (Int) throws -> Network
  ) throws -> (network: Network, selection: WeightSelection) {
    let selection = WeightSelection(file, for: own)
    guard !selection.fits else { return (own, selection) }
    let head = try own.classifier().parameters
    let body = WeightSelection(file, for: own, leavingOut: Set(head.values))
    guard body.fits else { throw selection.misfit }
    guard classesAreFree else {
      throw ContainerError(
        """
        \(selection.misfit.description); only the classifier does not fit: `new-head` trains a new one for these \
        classes
        """)
    }
    if let count = head[.weight].flatMap(selection.shape)?.first, (1...1 << 16).contains(count) {
      let other = try network(count)
      let whole = WeightSelection(file, for: other)
      if whole.fits { return (other, whole) }
    }
    // A classifier of another form stays out; the new one begins with random weights.
    return (own, body)
  }
}

extension Catalogue.Usual {
  func mean(_ channels: Int) -> [Float] {
    channels == 1 ? Normalization.imageNetGrey.mean : Normalization.imageNet.mean
  }
  func std(_ channels: Int) -> [Float] { channels == 1 ? Normalization.imageNetGrey.std : Normalization.imageNet.std }
}

extension Recipe {
  /// What is said of the model's file.
  package var reading: ReadingOptions {
    ReadingOptions(
      outputName: model.outputName, mean: data.mean, std: data.std, imageSize: data.imageSize,
      usualSize: DatasetFinder.imageSide(of: data.name), inputs: (model.inputs ?? []).compactMap(GivenInput.init))
  }
}
