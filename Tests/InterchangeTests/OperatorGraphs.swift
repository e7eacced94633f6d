import Foundation
import Torch

@testable import Interchange

/// The graphs of Tests/Interop/operators.py: a few ONNX operators each, with what PyTorch computes.
struct OperatorGraphs: Sendable {
  struct Cases: Decodable {
    struct Read: Decodable {
      let name: String
      let outputs: Int
    }
    struct Refused: Decodable {
      let name: String
      let words: String
    }
    let read: [Read]
    let refused: [Refused]
  }

  let cases: Cases
  private let folder: TemporaryFolder

  /// Made once.
  static let written = Result { () throws -> OperatorGraphs in
    let folder = try TemporaryFolder()
    try Exchange.python("operators", folder.url)
    let cases = try JSONDecoder().decode(
      Cases.self, from: Data(contentsOf: folder.url.appending(path: "cases.json")))
    return OperatorGraphs(cases: cases, folder: folder)
  }

  func images(_ name: String) throws -> Tensor {
    try Exchange.tensor(folder.url.appending(path: "\(name).in"), shape: [2, 3, 6, 7])
  }

  func wanted(_ given: Cases.Read) throws -> Tensor {
    try Exchange.tensor(folder.url.appending(path: "\(given.name).out"), shape: [2, given.outputs])
  }

  func model(_ name: String) throws -> Model {
    try ONNXFile.model(contentsOf: folder.url.appending(path: "\(name).onnx"))
  }
}
