import Foundation
import Networks
import Testing
import Torch

@testable import Interchange

/// Python's side of an exchange of files: Tests/Interop/exchange.py in the environment that `make test` sets up.
enum Exchange {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Runs one of the script's commands on a folder.
  static func python(_ command: String, _ folder: URL) throws {
    let process = Process()
    process.executableURL = root.appending(path: ".venv/bin/python")
    process.arguments = [root.appending(path: "Tests/Interop/exchange.py").path, command, folder.path]
    process.environment = ["OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin", "HOME": folder.path]
    let errors = folder.appending(path: "errors.txt")
    try Data().write(to: errors)
    process.standardError = try FileHandle(forWritingTo: errors)
    process.standardOutput = process.standardError
    try process.run()
    process.waitUntilExit()
    let said = String(decoding: try Data(contentsOf: errors), as: UTF8.self)
    try #require(process.terminationStatus == 0, "\(said.suffix(2000))")
  }

  /// Whether Python has a module; coremltools has no wheels for some systems.
  static func has(_ module: String) -> Bool {
    let process = Process()
    process.executableURL = root.appending(path: ".venv/bin/python")
    process.arguments = [
      "-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec('\(module)') is None)",
    ]
    do {
      try process.run()
      process.waitUntilExit()
      return process.terminationStatus == 0
    } catch {
      return false
    }
  }

  /// The models that PyTorch exported, each by both exporters: made once.
  static let exported = Result { () throws -> URL in
    // It is looked at until the tests end.
    let folder = FileManager.default.temporaryDirectory.appending(path: "thresh-exported-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    atexit { Exchange.removeExported() }
    try python("export", folder)
    return folder
  }

  private static func removeExported() {
    if case .success(let folder) = exported { try? FileManager.default.removeItem(at: folder) }
  }

  static func write(_ tensor: Tensor, to file: URL) throws {
    try tensor.to(.float32).contiguous.values(as: Float.self).withUnsafeBytes { Data($0) }.write(to: file)
  }

  static func tensor(_ file: URL, shape: [Int]) throws -> Tensor {
    try Data(contentsOf: file).withUnsafeBytes { Tensor(copying: $0, dtype: .float32, shape: shape) }
  }
}

/// max|a − b| / max|b|.
func relativeDifference(_ a: Tensor, _ b: Tensor) throws -> Double {
  try #require(a.shape == b.shape)
  return (a.to(.float64) - b.to(.float64)).maximumMagnitude / b.to(.float64).maximumMagnitude
}

/// A model of a network, for the tests that need no more of it.
func plainModel(_ network: Network) throws -> Model {
  let outputs = try network.outputs()
  let isVector = outputs.count == 1 && outputs[0].shape.count == 1
  let channels = network.inputShape[0]
  return Model(
    network: network,
    preprocessing: Preprocessing(
      channelOrder: channels == 1 ? .grey : .rgb, height: network.inputShape[1], width: network.inputShape[2],
      mean: Array(repeating: 0.5, count: channels), std: Array(repeating: 0.2, count: channels)),
    classNames: isVector ? (0..<outputs[0].shape[0]).map { "class \($0)" } : [])
}
