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

  /// The model as a file of opset 17, its batch free.
  ///
  /// What is returned was read back and compared with the network (see `Difference`).
  ///
  /// - Parameter foldsBatchNorm: whether batch norms move into the layers before them.
  /// - Throws: `ContainerError` for an operation that cannot be written, or when the file does not compute the same;
  ///   `CompactionError` when the network's outputs are no numbers or all zero, so that nothing can be compared.
  public static func data(of model: Model, foldingBatchNorm foldsBatchNorm: Bool) throws -> Data {
    let network = foldsBatchNorm ? try model.network.foldingBatchNorm() : model.network
    let shapes = try network.validate()
    var writer = ONNXGraphWriter()
    for node in network.nodes { try writer.write(node, of: network, shapes) }
    writer.declare(input: network.inputShape, output: network.output, shape: shapes[network.output] ?? [])
    var proto = ONNXModelProto()
    proto.irVersion = 8
    proto.producerName = "thresh"
    var opset = ONNXOperatorSetIdProto()
    opset.version = ONNXGraphWriter.opset
    proto.opsetImport = [opset]
    proto.graph = writer.graph
    proto.metadataProps = try model.description.sorted { $0.key < $1.key }.map { key, value in
      var entry = ONNXStringStringEntryProto()
      (entry.key, entry.value) = (key, value)
      return entry
    }
    let data: Data = try proto.serializedBytes()
    let back = try Self.model(of: data, name: "the exported file", folder: URL(filePath: "."))
    let difference = try Difference(between: model.network, and: back.network)
    if let complaint = difference.complaint {
      throw CompactionError(EqualityProof.sentence(complaint, of: "the network") + "; nothing was written")
    }
    guard difference.relative <= 1e-5 else {
      throw ContainerError(
        """
        the exported file computes something else than the network (difference \(difference.relative) of the largest \
        output); nothing was written, please report this network
        """)
    }
    return data
  }

  /// Reads a classifier.
  ///
  /// Class names and normalisation are those of its metadata, where Thresh wrote it; else classes are numbered, and
  /// images normalised with ImageNet's mean and standard deviation.
  ///
  /// - Throws: `ContainerError`, one for everything that cannot be read.
  public static func model(contentsOf file: URL) throws -> Model {
    let data: Data
    do {
      data = try Data(contentsOf: file, options: .mappedIfSafe)
    } catch {
      throw ContainerError("\(file.path) cannot be read; check the file and its permissions")
    }
    return try model(of: data, name: file.lastPathComponent, folder: file.deletingLastPathComponent())
  }

  /// The same of bytes that are there; data outside them has to lie in `folder`.
  public static func model(of data: Data, name: String, folder: URL) throws -> Model {
    var options = BinaryDecodingOptions()
    options.messageDepthLimit = depth
    options.discardUnknownFields = true
    let proto: ONNXModelProto
    do {
      proto = try ONNXModelProto(serializedBytes: data, options: options)
    } catch {
      throw ContainerError("\(name) is no ONNX file, or a damaged one; export it again")
    }
    guard proto.hasGraph, let opset = proto.opsetImport.first(where: { $0.domain.isEmpty || $0.domain == "ai.onnx" })
    else { throw ContainerError("\(name) holds no graph of ONNX operators; export it again") }
    let tensors = ONNXTensors(file: name, folder: folder)
    var reader = try ONNXGraphReader(proto.graph, opset: Int(clamping: opset.version), tensors)
    do {
      let network = try reader.network(of: proto.graph)
      let metadata = Dictionary(proto.metadataProps.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
      return try Model(network, description: metadata, name: name)
    } catch let error as NetworkError {
      throw ContainerError("\(name) does not hold a valid network: \(error.description)")
    }
  }
}
