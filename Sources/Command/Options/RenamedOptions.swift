import ArgumentParser
import Thresh

/// Options that are called something else here: those of earlier versions, and the names that other programs have.
enum RenamedOptions {
  /// What other programs call options, and their names here.
  static let elsewhere = [
    "flops": "macs", "params": "parameters", "size": "parameters", "ratio": "parameters", "latency": "time",
    "speedup": "time", "learning-rate": "lr", "dataset": "data", "data-path": "data", "arch": "model",
    "architecture": "model", "pretrained": "weights", "checkpoint": "weights",
    "jobs": "workers", "num-workers": "workers", "wd": "weight-decay", "batch": "batch-size", "img-size": "image-size",
    "imgsz": "image-size",
    "topk": "top", "top-k": "top", "out": "output", "output-dir": "output", "config": "recipe",
  ]
  /// What options mean whose other names mean something near to it.
  static let meanings = [
    "macs": "the fraction of the multiply-accumulates to keep", "parameters": "the fraction of the parameters to keep",
    "time": "the fraction of the time to keep",
  ]

  /// - Throws: `ValidationError` that names the spelling here of the first other one.
  static func check(_ words: [String]) throws {
    for (index, word) in words.prefix(while: { $0 != "--" }).enumerated() {
      let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
      guard let option = parts.first, option.hasPrefix("--") else { continue }
      for no in ["", "no-"] where option.hasPrefix("--\(no)") {
        guard let name = EarlierNames.options[String(option.dropFirst(2 + no.count))] else { continue }
        throw ValidationError("\(option) is called --\(no)\(name) now")
      }
      if let name = elsewhere[String(option.dropFirst(2))] {
        let meaning = meanings[name].map { ", \($0)" } ?? ""
        throw ValidationError("there is no option \(option); did you mean --\(name)\(meaning)?")
      }
      let value = parts.count > 1 ? parts[1] : words.dropFirst(index + 1).first ?? ""
      if let name = EarlierNames.values[String(option.dropFirst(2))]?[value] {
        throw ValidationError("\(option) \(value) is called \(option) \(name) now")
      }
    }
  }
}
