import Containers
import Foundation
import Reports
import Interchange

/// The files of one training.
public struct RunFolder: Sendable {
  public let url: URL

  public init(_ url: URL) { self.url = url }

  public var recipe: URL { url.appending(path: "recipe.yaml") }
  public var metrics: URL { url.appending(path: "metrics.jsonl") }
  public var last: URL { url.appending(path: "last.safetensors") }
  public var best: URL { url.appending(path: "best.safetensors") }
  /// The optimiser's state with the parameters it belongs to: what a resumed training starts from.
  public var optimizer: URL { url.appending(path: "optimizer.safetensors") }
  /// The last good state, while `optimizer` is a later one that training must not come back to, such as amid an epoch.
  public var good: URL { url.appending(path: "good.safetensors") }
  /// The compact network, when the run went on to compress.
  public var compact: URL { url.appending(path: "compact.safetensors") }
  /// The run in which the compact network was fine-tuned.
  public var finetuning: RunFolder { RunFolder(url.appending(path: "finetune", directoryHint: .isDirectory)) }

  /// - Throws: `ContainerError` when the folder cannot be made.
  public func create() throws {
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    } catch {
      throw ContainerError(
        "\(url.path) cannot be made a folder (\(error.localizedDescription)); name another folder",
        .writing)
    }
    removeTornFiles()
  }

  /// Takes away what a kill amid writing left: temporary files that were never renamed.
  private func removeTornFiles() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    for name in names where name.hasPrefix(".") && name.hasSuffix(".tmp") && name.count == 41 {
      try? FileManager.default.removeItem(at: url.appending(path: name))
    }
  }

  /// The model that stands for the run: the compact one, else what training says is its result.
  public var model: URL? {
    [compact, best, last].first { FileManager.default.fileExists(atPath: $0.path) }
  }

  /// Keeps the state in `optimizer`, which is about to be replaced, as the last good one.
  func keepGood() throws {
    do {
      try AtomicFile.write(Data(contentsOf: optimizer, options: .mappedIfSafe), to: good)
    } catch let error as CocoaError {
      throw ContainerError("\(optimizer.path) cannot be read (\(error.localizedDescription)); check the disk")
    }
  }

  func removeGood() { try? FileManager.default.removeItem(at: good) }

  /// Appends a line to `metrics.jsonl` and returns the file's length in bytes.
  func append(_ metrics: Metrics) throws -> Int {
    let line = Data((try ReadableJSON.text(metrics, isPretty: false) + "\n").utf8)
    if !FileManager.default.fileExists(atPath: self.metrics.path) { try AtomicFile.write(Data(), to: self.metrics) }
    return try writingMetrics { handle in
      try handle.appendWhole(line) + line.count
    }
  }

  /// How many lines `metrics.jsonl` has: the evaluations until now.
  package var metricsCount: Int {
    ((try? Data(contentsOf: metrics)) ?? Data()).count { $0 == UInt8(ascii: "\n") }
  }

  /// Cuts `metrics.jsonl` back to its first `length` bytes.
  func cutMetrics(to length: Int) throws {
    guard FileManager.default.fileExists(atPath: metrics.path) else { return }
    try writingMetrics { handle in
      if try handle.seekToEnd() > UInt64(length) { try handle.truncate(atOffset: UInt64(length)) }
    }
  }

  private func writingMetrics<Value>(_ body: (FileHandle) throws -> Value) throws -> Value {
    do {
      let handle = try FileHandle(forWritingTo: metrics)
      defer { try? handle.close() }
      return try body(handle)
    } catch {
      throw ContainerError(
        "\(metrics.path) cannot be written (\(error.localizedDescription)); check the disk and its permissions",
        .writing)
    }
  }
}

extension FileHandle {
  /// Appends all of the bytes, or none, and returns where they begin.
  func appendWhole(_ bytes: Data) throws -> Int {
    let end = try seekToEnd()
    do {
      try write(contentsOf: bytes)
    } catch {
      try? truncate(atOffset: end)
      throw error
    }
    return Int(end)
  }
}
