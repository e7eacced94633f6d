import Architectures
import Containers
import Datasets
import Foundation
import Interchange
import Networks
import Reports
import Torch
import Training

/// What the word MODEL on the command line stands for.
enum ModelSource {
  case file(URL)
  case architecture(Catalogue, weights: URL?)

  /// - Throws: `NetworkError` when it is neither a file, a run's folder nor a known architecture.
  init(_ word: String, weights: String?) throws {
    var isFolder: ObjCBool = false
    if let known = Catalogue(rawValue: word) {
      self = .architecture(known, weights: weights.map { URL(filePath: $0) })
    } else if FileManager.default.fileExists(atPath: word, isDirectory: &isFolder) {
      guard weights == nil else {
        throw NetworkError("\(word) holds its own weights; leave --weights out, or name an architecture")
      }
      let url = URL(filePath: word)
      guard isFolder.boolValue else {
        self = .file(url)
        return
      }
      guard let model = RunFolder(url).model else {
        throw NetworkError("\(word) is a folder without a model; expected a run's folder with last.safetensors in it")
      }
      self = .file(model)
    } else {
      let names = Catalogue.allCases.map(\.rawValue)
      let hint = Suggestion.nearest(to: word, among: names).map { "did you mean \($0)?" }
      throw NetworkError(
        "model \(word) is neither a file nor a known architecture (\(names.joined(separator: ", "))); "
          + (hint ?? "check the path"))
    }
  }

  /// The model, with a network for images of `shape` where the architecture leaves that open. What was assumed while
  /// reading it is printed.
  ///
  /// - Parameters:
  ///   - data: the data set it is to be used with, if there is one.
  ///   - seed: of the weights, where none are given.
  ///   - options: what the file leaves open.
  func load(
    for data: Dataset? = nil, seed: UInt64 = 0, _ options: ReadingOptions = ReadingOptions()
  ) throws -> Model {
    let model: Model
    do {
      model = try read(for: data, seed: seed, options)
    } catch let choice as OpenChoice {
      let option =
        switch choice.question {
        case .output: "--output-name"
        case .imageSize: "--image-size"
        }
      throw ContainerError("\(choice) (\(option))")
    }
    for note in model.notes { Console.note("note: \(note)") }
    return model
  }

  private func read(for data: Dataset?, seed: UInt64, _ options: ReadingOptions) throws -> Model {
    guard case .architecture(_, let weights) = self else { return try given(data, seed, options) }
    var model = try given(data, seed, options)
    // The images of a data set come in the size that they have.
    var rest = options
    rest.imageSize = nil
    try model.adopt(rest, weights?.lastPathComponent ?? "", tellsNormalization: false)
    return model
  }

  private func given(_ data: Dataset?, _ seed: UInt64, _ options: ReadingOptions) throws -> Model {
    switch self {
    case .file(let url): return try Self.model(of: url, options)
    case .architecture(let name, let weights):
      if let weights, PyTorchCheckpoint.isNamed(weights) {
        let tensors = try PyTorchCheckpoint.weights(contentsOf: weights)
        return try model(name, (tensors, weights.lastPathComponent), data, seed, options)
      }
      let stored = try weights.map { try Safetensors(contentsOf: $0) }
      if let stored, Model.isModel(stored) {
        let file = stored.file.lastPathComponent
        var result = try model(name, Model(stored), file)
        try result.adopt(options, file)
        return result
      }
      return try model(name, stored.map { (try $0.tensors(), $0.file.lastPathComponent) }, data, seed, options)
    }
  }

  var isONNX: Bool { if case .file(let file) = self { ONNXFile.isNamed(file) } else { false } }

  /// The model in a file of any kind that is read: Thresh's own, or ONNX.
  private static func model(of file: URL, _ options: ReadingOptions) throws -> Model {
    if ONNXFile.isNamed(file) { return try ONNXFile.model(contentsOf: file, options) }
    var model = try Model(contentsOf: file)
    try model.adopt(options, file.lastPathComponent)
    return model
  }

  /// A model file given as weights brings its description too, but has to be of the architecture that was named.
  private func model(_ name: Catalogue, _ stored: Model, _ file: String) throws -> Model {
    let network = try name.network(input: stored.network.inputShape, classes: stored.classNames.count, seed: 0)
    var result = stored
    result.network = try network.loading(stored.network.parameters, from: file)
    return result
  }

  private func model(
    _ name: Catalogue, _ weights: (tensors: [String: Tensor], file: String)?, _ data: Dataset?, _ seed: UInt64,
    _ options: ReadingOptions
  ) throws -> Model {
    let usual = name.usual
    let asked = options.imageSize.map { [usual.shape[0], $0, $0] }
    let shape = data.map { [$0.shape.channels, $0.shape.height, $0.shape.width] } ?? asked ?? usual.shape
    let classes = data?.classNames ?? (0..<usual.classes).map { "class \($0)" }
    var network: Network
    do {
      network = try name.network(input: shape, classes: classes.count, seed: seed)
    } catch let error as NetworkError {
      throw NetworkError("\(name.rawValue) cannot take images of \(shape[1])×\(shape[2]) pixels: \(error.description)")
    }
    if let weights { network = try network.loading(weights.tensors, from: weights.file) }
    // Weights without a description of their images were trained with the architecture's usual normalisation.
    let normalization = weights == nil ? data?.normalization : nil
    let preprocessing = Preprocessing(
      channelOrder: shape[0] == 1 ? .grey : .rgb, height: shape[1], width: shape[2],
      mean: normalization?.mean ?? usual.mean(shape[0]), std: normalization?.std ?? usual.std(shape[0]),
      resize: data?.resize)
    var model = Model(network: network, preprocessing: preprocessing, classNames: classes)
    if let weights, options.mean == nil {
      let channels = shape[0] == 1 ? "mean 0.449" : "mean 0.485, 0.456, 0.406"
      model.notes.append("\(weights.file) does not say how images are normalised: ImageNet's \(channels) is assumed")
    }
    return model
  }
}

extension Catalogue.Usual {
  func mean(_ channels: Int) -> [Float] {
    channels == 1 ? Normalization.imageNetGrey.mean : Normalization.imageNet.mean
  }
  func std(_ channels: Int) -> [Float] { channels == 1 ? Normalization.imageNetGrey.std : Normalization.imageNet.std }
}
