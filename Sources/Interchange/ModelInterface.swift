import Networks
import Torch

/// How the file that a network came from meets other programs.
///
/// Networks here read and give float32, and give logits. What is written takes the place of what was read: the same
/// names, types of numbers and last activation.
public struct ModelInterface: Sendable, Codable, Equatable {
  public enum NumberType: String, Sendable, Codable { case float32, float16, uint8 }

  /// Nil is the name that the network has for it.
  public var inputName: String?
  public var outputName: String?
  /// Bytes are raw pixels.
  public var inputType = NumberType.float32
  public var outputType = NumberType.float32
  /// Of the stored weights, and of the numbers that other programs compute in.
  public var weightType = NumberType.float32
  /// What the file does with the logits.
  public var outputActivation: OutputActivation?

  /// Whether it leaves height and width of its images open; nil is false.
  public var opensSize: Bool?

  public init() {}
}

/// The last activation of a classifier, which is taken off when a file is read: losses want logits.
public enum OutputActivation: String, Sendable, Codable {
  case softmax = "Softmax"
  case logSoftmax = "LogSoftmax"
  /// A probability for each class by itself.
  case sigmoid = "Sigmoid"
}

extension Model {
  /// What the network gives, under the names that files have for it.
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  public func outputs() throws -> [NetworkOutput] {
    try network.outputs().map { output in
      var output = output
      output.name = output.name ?? interface.outputName
      return output
    }
  }

  /// Probabilities of the classes.
  ///
  /// - Parameter logits: images × classes.
  public func probabilities(_ logits: Tensor) -> Tensor {
    interface.outputActivation == .sigmoid ? logits.sigmoid : logits.softmax(axis: 1)
  }

  /// Whether weights are written as float16: they were read so, and all of them fit into it.
  public var writesHalf: Bool {
    interface.weightType == .float16 && !network.isQuantized
      && network.parameters.values.allSatisfy { $0.dtype != .float32 || $0.fitsHalf }
  }

  /// The model as reading its file gives it: its weights rounded to the type that they are written in.
  public func asWritten() -> Model {
    guard writesHalf else { return self }
    var result = self
    result.network.parameters = network.parameters.mapValues { tensor in
      tensor.dtype == .float32 ? tensor.to(.float16).to(.float32) : tensor
    }
    return result
  }
}

extension Tensor {
  /// Whether float16 holds every finite element.
  fileprivate var fitsHalf: Bool {
    guard maximumMagnitude > 65_504 else { return true }
    return doubles.allSatisfy { !$0.isFinite || abs($0) <= 65_504 }
  }
}

extension Network {
  /// Takes a Softmax or Sigmoid away that makes the classes' probabilities of their logits; nil where there is none.
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  mutating func takeOffLastActivation() throws -> OutputActivation? {
    let shapes = try validate()
    var name = output
    while let node = self[name], node.operation is Flatten || node.operation is Reshape, node.inputs.count == 1,
      name == output || readers(of: name).count == 1
    {
      name = node.inputs[0]
    }
    guard let index = nodes.firstIndex(where: { $0.name == name }), nodes[index].inputs.count == 1,
      case let logits = nodes[index].inputs[0], self[logits] != nil,
      name == output ? readers(of: name).isEmpty : readers(of: name).count == 1,
      let activation = nodes[index].operation.outputActivation(over: shapes[logits] ?? [])
    else { return nil }
    nodes.remove(at: index)
    if output == name { output = logits }
    for reader in nodes.indices {
      nodes[reader].inputs = nodes[reader].inputs.map { $0 == name ? logits : $0 }
    }
    return activation
  }
}

extension Networks.Operation {
  /// The activation that the operation is on values of `shape`, if it makes probabilities of all of them.
  fileprivate func outputActivation(over shape: [Int]) -> OutputActivation? {
    switch self {
    case let softmax as Softmax: softmax.gives(classesOf: shape) ? .softmax : nil
    case let activation as Activation: activation == .sigmoid ? .sigmoid : nil
    case let softmax as LogSoftmax: softmax.gives(classesOf: shape) ? .logSoftmax : nil
    default: nil
    }
  }
}

extension SumsAlongAxis {
  /// Whether it sums over all of an image's values.
  fileprivate func gives(classesOf shape: [Int]) -> Bool {
    shape.indices.contains(axis) && shape[axis] == shape.reduce(1, *)
  }
}
