import Compaction
import Containers
import Foundation
import Networks
import ONNXSchema
import SwiftProtobuf
import Torch

/// Models as ONNX files (https://onnx.ai).
public enum ONNXFile {
  /// Deeper messages than a graph of operations needs are refused.
  private static let depth = 32

  /// The opsets that can be written.
  public static let opsets = 13...21
  public static let usualOpset = 17

  /// The model as a file, its batch free: names, types of numbers and the last activation as in the file that it came
  /// from (`ModelInterface`).
  ///
  /// What is returned was read back and compared with the network (see `Difference`).
  ///
  /// - Parameters:
  ///   - foldsBatchNorm: whether batch norms move into the layers before them.
  ///   - opset: the version of the operators, one of `opsets`; that of the model's tail, or else the usual one, if nil.
  /// - Throws: `ContainerError` for an operation that cannot be written, or when the file does not compute the same;
  ///   `CompactionError` when the network's outputs are no numbers or all zero, so that nothing can be compared.
  public static func data(
    of model: Model, foldingBatchNorm foldsBatchNorm: Bool, opset: Int? = nil
  ) throws -> Data {
    let opset = opset ?? model.tail?.opset ?? usualOpset
    guard opsets.contains(opset) else {
      throw ContainerError(
        "opset \(opset) is not written, expected \(opsets.lowerBound) to \(opsets.upperBound)")
    }
    if let tail = model.tail, tail.opset != opset {
      throw ContainerError(
        """
        the file ends in operators that were kept as they were read (\(tail.words)), those of opset \(tail.opset); \
        leave the opset out
        """)
    }
    // What is trained on is not rounded any more.
    let rounded = model.network.roundingParameters()
    let network = foldsBatchNorm ? try rounded.foldingBatchNorm() : rounded
    let shapes = try network.validate()
    let halves = model.writesHalf
    func graph(of network: Network, _ shapes: [String: [Int]]) throws -> ONNXGraphWriter {
      var writer = ONNXGraphWriter(model.interface, halves: halves, opset: opset, tail: model.tail)
      for node in network.nodes { try writer.write(node, of: network, shapes) }
      writer.declare(input: network.inputShape, outputs: network.outputs(shapes))
      return writer
    }
    var writer = try graph(of: network, shapes)
    if model.interface.opensSize == true, model.tail == nil, let other = try? network.resized(by: 64) {
      writer.openSizes(unlike: try graph(of: other, other.validate()))
    }
    var proto = writer.model
    proto.metadataProps = try model.description.sorted { $0.key < $1.key }.map { key, value in
      var entry = ONNXStringStringEntryProto()
      (entry.key, entry.value) = (key, value)
      return entry
    }
    let data: Data = try proto.serializedBytes()
    let back = try Self.model(of: data, name: "the exported file", folder: URL(filePath: "."))
    guard try back.tail == nil ? model.tail == nil : back.outputs() == model.outputs() else {
      throw ContainerError("the exported file is cut elsewhere than the network was; please report this network")
    }
    let difference = try Difference(between: rounded, and: back.network)
    // One that answers always the same is written: what it answers is compared, and export is no judge of networks.
    if difference.saysNothing, let complaint = difference.complaint {
      throw CompactionError(EqualityProof.sentence(complaint, of: "the network") + "; nothing was written")
    }
    // Numbers that are written as float16 are rounded to 11 bits.
    guard difference.relative <= (halves ? 1e-2 : 1e-5),
      back.interface.outputActivation == model.interface.outputActivation
    else {
      throw ContainerError(
        """
        the exported file computes something else than the network (difference \(difference.relative) of the largest \
        output); nothing was written, please report this network
        """)
    }
    return data
  }

  /// Reads a network of images: the output that gives classes, or where none does everything that the file gives.
  ///
  /// Class names and normalisation are those of its metadata, where Thresh wrote it. Else the options say them, or the
  /// way in which the network begins, or they are assumed; `Model.notes` tell what was.
  ///
  /// - Throws: `ContainerError`, one for everything that cannot be read; `OpenChoice` where the options have to say
  ///   more.
  public static func model(contentsOf file: URL, _ options: ReadingOptions = ReadingOptions()) throws -> Model {
    let data: Data
    do {
      data = try Data(contentsOf: file, options: .mappedIfSafe)
    } catch {
      throw ContainerError("\(file.path) cannot be read; check the file and its permissions")
    }
    return try model(of: data, name: file.lastPathComponent, folder: file.deletingLastPathComponent(), options)
  }

  /// The same of bytes that are there; data outside them has to lie in `folder`.
  public static func model(
    of data: Data, name: String, folder: URL, _ options: ReadingOptions = ReadingOptions()
  ) throws -> Model {
    var decoding = BinaryDecodingOptions()
    decoding.messageDepthLimit = depth
    let proto: ONNXModelProto
    do {
      proto = try ONNXModelProto(serializedBytes: data, options: decoding)
    } catch {
      throw ContainerError("\(name) is not an ONNX file, or a damaged one; export it again")
    }
    guard proto.hasGraph, let versions = ONNXVersions(proto) else {
      throw ContainerError("\(name) holds no graph of ONNX operators; export it again")
    }
    let tensors = ONNXTensors(file: name, folder: folder)
    do {
      let metadata = Dictionary(proto.metadataProps.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
      var options = options
      if metadata[MetadataKey.version] != nil {
        // One without classes gives all that it has.
        if metadata[MetadataKey.classNames] == "[]" { options.takesAllOutputs = true }
        let text = metadata[MetadataKey.preprocessing] ?? ""
        let own = try? JSONDecoder().decode(Preprocessing.self, from: Data(text.utf8))
        options.ownSize = own.map { [$0.height, $0.width] }
      }
      let read = try ONNXReading(of: proto.graph, versions, tensors, options)
      return try Model(read, description: metadata, name: name, options)
    } catch let error as NetworkError {
      throw ContainerError("\(name) does not hold a valid network: \(error.description)")
    }
  }
}
