import Containers
import Foundation
import Networks
import Torch

/// A network with everything that is needed to use it: what one file holds.
public struct Model: Sendable {
  public var network: Network
  public var preprocessing: Preprocessing
  /// In the order of the outputs; empty for a network that tells no classes apart.
  public var classNames: [String]
  /// The resolved recipe it was trained with, as YAML.
  public var recipe: String?
  /// The plan it was compressed with, as JSON.
  public var plan: String?
  /// Measured figures, such as `top1` in percent.
  public var figures: [String: Double]
  /// How the file that it came from meets other programs; what is written does so too.
  public var interface = ModelInterface()
  /// What its ONNX file has behind the network; only ONNX files and our own hold it.
  public var tail: ONNXTail?
  /// What had to be assumed because the file leaves it open, and what of the file was not used: a sentence each, to be
  /// told once to the person who gave the file. Not written to files.
  public var notes: [String] = []
  /// Whether its weights were trained; those of a new architecture are random. Not written to files.
  public var isTrained = true

  public init(
    network: Network, preprocessing: Preprocessing, classNames: [String], recipe: String? = nil, plan: String? = nil,
    figures: [String: Double] = [:]
  ) {
    self.network = network
    self.preprocessing = preprocessing
    self.classNames = classNames
    self.recipe = recipe
    self.plan = plan
    self.figures = figures
  }
}

/// Keys of a model file's metadata; values other than the recipe are JSON.
enum MetadataKey {
  static let version = "thresh"
  static let architecture = "architecture"
  static let preprocessing = "preprocessing"
  static let classNames = "classes"
  static let recipe = "recipe"
  static let plan = "plan"
  static let figures = "figures"
  static let interface = "interface"
  /// How many bytes the tensor named `ONNXTail.tensorName` holds.
  static let tail = "tail"
}

extension Model {
  /// Whether a file says that it is one of ours, with the architecture inside.
  public static func isModel(_ file: Safetensors) -> Bool {
    file.metadata[MetadataKey.version] != nil && file.metadata[MetadataKey.architecture] != nil
  }

  /// Reads a model file.
  ///
  /// - Throws: `ContainerError` when the file is damaged, `NetworkError` when what it holds is not a valid network.
  public init(contentsOf file: URL) throws { try self.init(Safetensors(contentsOf: file)) }

  public init(_ file: Safetensors) throws {
    let name = file.file.lastPathComponent
    guard let version = file.metadata[MetadataKey.version] else {
      throw ContainerError(
        """
        \(name) holds weights but no architecture that is read here; name the architecture that it is for and give the \
        file as its `weights`
        """)
    }
    guard version == "1" else {
      throw ContainerError(
        "\(name) is a model file of format \(version.prefix(20)), expected 1; write it with this version")
    }
    func decoded<Value: Decodable>(_ key: String, as type: Value.Type) throws -> Value {
      guard let text = file.metadata[key] else { throw ContainerError("\(name) has no \(key) in its metadata") }
      do {
        return try JSONDecoder().decode(type, from: Data(text.utf8))
      } catch let error as NetworkError {
        throw ContainerError("\(name) has an \(key) that cannot be read: \(error.description)")
      } catch {
        throw ContainerError("\(name) has \(key) metadata that cannot be read; write the file again")
      }
    }
    let architecture = try decoded(MetadataKey.architecture, as: Architecture.self)
    do {
      let used = Set(architecture.nodes.flatMap { $0.parameters.values })
      network = try architecture.network(with: file.tensors(named: used)).separatingParameters()
    } catch let error as NetworkError {
      throw ContainerError("\(name) does not hold a valid network: \(error.description)")
    }
    preprocessing = try decoded(MetadataKey.preprocessing, as: Preprocessing.self)
    classNames = try decoded(MetadataKey.classNames, as: [String].self)
    figures = (try? decoded(MetadataKey.figures, as: [String: Double].self)) ?? [:]
    recipe = file.metadata[MetadataKey.recipe]
    plan = file.metadata[MetadataKey.plan]
    if file.metadata[MetadataKey.interface] != nil {
      interface = try decoded(MetadataKey.interface, as: ModelInterface.self)
    }
    if let count = file.metadata[MetadataKey.tail] {
      tail = try ONNXTail(file.bytes(ONNXTail.tensorName, count: count))
    }
    // Losses want logits; files of older versions may hold a network that ends in probabilities.
    if !classNames.isEmpty, let activation = try network.takeOffLastActivation() {
      interface.outputActivation = activation
    }
    try check(name)
  }

  func check(_ name: String) throws {
    guard [1, 3].contains(network.inputShape[0]) else {
      throw ContainerError(
        """
        \(name) reads images of \(network.inputShape[0]) channels, expected 1 (grey) or 3 (red, green, blue); images \
        of other kinds are not read here
        """)
    }
    if let broken = network.brokenParameter {
      throw ContainerError("\(name) cannot be used: \(broken); use weights from an earlier checkpoint")
    }
    guard !network.constantValues.contains(network.output) else {
      throw ContainerError("the output of \(name) does not depend on the image; check which output the file gives")
    }
    let shape = [preprocessing.channels, preprocessing.height, preprocessing.width]
    let perChannel = preprocessing.mean.count == shape[0] && preprocessing.std.count == shape[0]
    let isFinite = (preprocessing.mean + preprocessing.std).allSatisfy(\.isFinite)
    guard isFinite, preprocessing.std.allSatisfy({ $0 > 0 }) else {
      throw ContainerError(
        """
        \(name) normalises with mean \(preprocessing.mean) and standard deviation \(preprocessing.std), expected \
        finite numbers, the latter above 0; write the file again
        """)
    }
    guard shape == network.inputShape, perChannel else {
      throw ContainerError(
        "\(name) describes images of shape \(shape), but its network reads \(network.inputShape); write the file again")
    }
    let outputs = try network.validate()[network.output] ?? []
    guard classNames.isEmpty || outputs == [classNames.count] else {
      throw ContainerError(
        "\(name) has \(classNames.count) class names, but its network gives \(outputs); write the file again")
    }
  }

  /// Writes the model, whole or not at all.
  ///
  /// - Throws: `ContainerError` when the disk refuses.
  public func write(to file: URL) throws {
    let halves = writesHalf
    var tensors = network.parameters.mapValues { halves && $0.dtype == .float32 ? $0.to(.float16) : $0 }
    var metadata = try metadata()
    if let data = try tail?.data {
      tensors[ONNXTail.tensorName] = data.words
      metadata[MetadataKey.tail] = "\(data.count)"
    }
    try TensorFile.write(tensors, metadata: metadata, to: file)
  }

  private func metadata() throws -> [String: String] {
    var own = ["format": "pt", MetadataKey.architecture: try Self.json(Architecture(network))]
    if interface != ModelInterface() { own[MetadataKey.interface] = try Self.json(interface) }
    return try own.merging(description) { $1 }
  }

  /// What is said of the network beside its architecture, as metadata of a file.
  var description: [String: String] {
    get throws {
      var result = [
        MetadataKey.version: "1",
        MetadataKey.preprocessing: try Self.json(preprocessing),
        MetadataKey.classNames: try Self.json(classNames),
        MetadataKey.figures: try Self.json(figures.filter(\.value.isFinite)),
      ]
      result[MetadataKey.recipe] = recipe
      result[MetadataKey.plan] = plan
      return result
    }
  }

  private static func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}
