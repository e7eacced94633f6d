import Foundation
import Interchange
import Networks
import Training

extension Model {
  /// Writes the model for another program, by the ending of the file's name, and reads it back to prove that it
  /// computes the same: `.onnx`; `.py`, a module of PyTorch with its weights beside it; `.safetensors`, Thresh's own.
  /// `.mlpackage`, for Core ML, is written without that proof, since only Apple's systems run it.
  ///
  /// - Parameters:
  ///   - foldingBatchNorm: whether batch norms move into the layers before them (ONNX; for Core ML they always do).
  ///   - coreML: the numbers of a package for Core ML.
  /// - Returns: the files that were written, or the package.
  /// - Throws: `OutputError` when the place cannot be written, `ContainerError` when what was written is not the model.
  @discardableResult
  public func export(
    to path: String, foldingBatchNorm: Bool = false, coreML: CoreMLOptions = CoreMLOptions()
  ) throws -> [URL] {
    let file = URL(filePath: path)
    switch file.pathExtension {
    case "onnx": return [try exportONNX(to: path, foldingBatchNorm: foldingBatchNorm)]
    case "py": return try exportPyTorch(to: path)
    case "safetensors":
      try AtomicOutput.check(path)
      try write(to: file)
      try checkWritten(file, self)
      return [file]
    case "mlpackage":
      _ = try exportCoreML(to: path, coreML)
      return [file]
    default:
      throw OutputError(
        "\(path) says no kind of file; give it a name that ends in .onnx, .py, .mlpackage or .safetensors")
    }
  }

  /// Writes what a compression made: as ONNX where the file's name ends so, else as Thresh's own.
  ///
  /// - Throws: `ContainerError`, `CompactionError` when the ONNX file would not compute the same.
  package func writeCompact(to file: URL) throws {
    guard file.pathExtension == "onnx" else { return try write(to: file) }
    try AtomicOutput.write(ONNXFile.data(of: self, foldingBatchNorm: false), to: file)
  }

  /// - Throws: `OutputError` for a name of a kind of file that `writeCompact` does not write.
  package static func checkCompact(_ path: String) throws {
    let ending = URL(filePath: path).pathExtension
    guard ["py", "mlpackage", "pth", "pt"].contains(ending) else { return }
    throw OutputError(
      "\(path) is for another kind of file, expected a name that ends in .safetensors or .onnx; thresh export makes "
        + "other kinds of it")
  }

  /// Keeps what the network reached on the test images.
  package mutating func adoptFigures(_ test: Accuracy) {
    figures["top1"] = test.top1
    figures["relativeError"] = test.relativeError
  }

  package func exportONNX(
    to path: String, foldingBatchNorm: Bool, opset: Int? = nil
  ) throws -> URL {
    try AtomicOutput.check(path)
    let file = URL(filePath: path)
    let data = try ONNXFile.data(of: self, foldingBatchNorm: foldingBatchNorm, opset: opset)
    try AtomicOutput.write(data, to: file)
    return file
  }

  /// Writes the package and gives it.
  package func exportCoreML(to path: String, _ options: CoreMLOptions) throws -> CoreMLPackage {
    let folder = URL(filePath: path)
    guard folder.pathExtension == "mlpackage" else {
      throw OutputError("\(path) is for a package of Core ML; give a name that ends in .mlpackage")
    }
    try AtomicOutput.check(newFolder: path)
    let package = try CoreMLPackage(of: self, options)
    try package.write(to: folder)
    return package
  }

  /// Writes the module and its weights.
  package func exportPyTorch(to path: String) throws -> [URL] {
    try AtomicOutput.check(path)
    let file = URL(filePath: path)
    guard file.pathExtension == "py" else {
      throw OutputError("\(path) is for a Python module; give a name that ends in .py")
    }
    if let tail {
      throw OutputError(
        "the model ends in nodes that only ONNX files hold (\(tail.words)); write it as ONNX")
    }
    // Not the name that the model itself is likely to have.
    let weights = file.deletingPathExtension().appendingPathExtension("weights.safetensors")
    // Both are there after an export before; the weights alone are somebody else's.
    let files = FileManager.default
    guard !files.fileExists(atPath: weights.path) || files.fileExists(atPath: file.path) else {
      throw OutputError("\(weights.path) exists already and would be replaced; give the module another name")
    }
    let module = try PyTorchModule(
      network, weights: weights.lastPathComponent, interface, images: preprocessing, classes: classNames)
    try AtomicOutput.check(weights.path)
    var named = self
    named.network = module.network
    try named.write(to: weights)
    try checkWritten(weights, self)
    try AtomicOutput.write(module.source, to: file)
    return [file, weights]
  }

  private func checkWritten(_ file: URL, _ model: Model) throws {
    let back = try Model(contentsOf: file)
    guard try Difference(between: model.asWritten().network, and: back.network).largest == 0 else {
      throw OutputError("\(file.path) does not hold what was written; check the disk and try again")
    }
  }
}
