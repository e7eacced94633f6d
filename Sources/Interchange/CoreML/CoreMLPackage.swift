import Containers
import CoreMLSchema
import Foundation
import Networks
import SwiftProtobuf

/// A classifier as a package of Core ML (`.mlpackage`): a folder with an ML program, its weights and a manifest.
///
/// An image of 0…255 goes in; the most probable class and a dictionary of probabilities come out. The batch is one
/// image. Core ML runs on Apple's systems only, so a package is not read back here: the tests run its operations by an
/// interpreter and have coremltools check it.
public struct CoreMLPackage: Sendable {
  /// The contents, by their paths in the package.
  public let files: [String: Data]
  /// The oldest systems that read it.
  public let systems: String

  /// Batch norms move into the layers before them.
  ///
  /// - Throws: `ContainerError` for an operation that cannot be written, and for weights that are not finite or beyond
  ///   the precision; `NetworkError` when the network is not valid.
  public init(of model: Model, _ options: CoreMLOptions = CoreMLOptions()) throws {
    guard !model.classNames.isEmpty else { throw Self.refusal }
    let network = try model.network.droppingWeightScales().foldingBatchNorm().foldingConstants()
    let shapes = try network.validate()
    if let broken = network.brokenParameter { throw ContainerError("the model cannot be written: \(broken)") }
    var writer = CoreMLProgramWriter(options)
    let interface = CoreMLInterface(of: model, &writer)
    writer.variables[Network.inputName] = try interface.normalized(to: &writer)
    for node in network.nodes { try writer.write(node, of: network, shapes) }
    interface.classify(writer.variables[network.output] ?? "", to: &writer)

    let opset = writer.quantizes ? Opset.coreML6 : .coreML5
    var proto = CoreMLModel()
    proto.specificationVersion = opset.specification
    proto.description_p = try interface.description(of: model)
    proto.mlProgram = interface.program(writer.operations, opset: opset.rawValue)
    var encoding = BinaryEncodingOptions()
    encoding.useDeterministicOrdering = true
    files = [
      "Manifest.json": Data(Self.manifest.utf8),
      "Data/com.apple.CoreML/model.mlmodel": try proto.serializedBytes(options: encoding),
      "Data/com.apple.CoreML/weights/weight.bin": writer.weightFile.data,
    ]
    systems = opset.systems
  }

  /// For a network that gives something else than classes.
  static let refusal = ContainerError(
    "the network gives no classes, and only classifiers are written for Core ML; write it as ONNX")

  /// Writes the package, whole or not at all.
  ///
  /// - Throws: `ContainerError` when something is there already, or the disk refuses.
  public func write(to folder: URL) throws { try AtomicFolder.write(files, to: folder) }

  /// Sets of operations, the oldest first.
  private enum Opset: String {
    case coreML5 = "CoreML5"
    /// Has weights of int8.
    case coreML6 = "CoreML6"

    var specification: Int32 { self == .coreML5 ? 6 : 7 }
    var systems: String { self == .coreML5 ? "iOS 15 and macOS 12" : "iOS 16 and macOS 13" }
  }

  /// The items are told apart by identifiers that need be unique in the package only, so that equal models give equal
  /// bytes.
  private static let manifest = """
    {
      "fileFormatVersion": "1.0.0",
      "itemInfoEntries": {
        "5d0f8d6e-21a5-4b0e-8f43-6a0c7c1e9b01": {
          "author": "com.apple.CoreML",
          "description": "CoreML Model Specification",
          "name": "model.mlmodel",
          "path": "com.apple.CoreML/model.mlmodel"
        },
        "5d0f8d6e-21a5-4b0e-8f43-6a0c7c1e9b02": {
          "author": "com.apple.CoreML",
          "description": "CoreML Model Weights",
          "name": "weights",
          "path": "com.apple.CoreML/weights"
        }
      },
      "rootModelIdentifier": "5d0f8d6e-21a5-4b0e-8f43-6a0c7c1e9b01"
    }

    """
}
