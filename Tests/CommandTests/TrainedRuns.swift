import Foundation
import Testing

/// Runs that several tests look at, each trained once.
struct TrainedRun {
  let data: TinyImages
  let folder: TemporaryFolder
  let outcome: Outcome

  /// An ordinary lenet5.
  static let lenet = Result {
    try TrainedRun([
      "--model", "lenet5", "--epochs", "5", "--batch-size", "16", "--lr", "0.05", "--nuclear", "0", "--group", "0",
    ])
  }

  /// A dec3 trained for compression, compressed and fine-tuned.
  static let dec3 = Result {
    try TrainedRun([
      "--model", "dec3", "--epochs", "3", "--finetune-epochs", "2", "--batch-size", "16", "--lr", "0.05",
      "--parameters", "0.3",
    ])
  }

  var run: String { folder["run"] }

  private init(_ options: [String]) throws {
    data = try TinyImages.shared.get()
    folder = try TemporaryFolder()
    outcome = try succeeding(
      ["train"] + options + data.options + ["--threads", "1", "--output", folder["run"]])
  }
}

/// A safetensors file taken apart, to be written again with damage.
struct ModelFile {
  var header: [String: Any]
  var body: Data

  init(_ path: String) throws {
    let data = try contents(of: path)
    let length = data.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
    header = try #require(try JSONSerialization.jsonObject(with: data[8..<8 + length]) as? [String: Any])
    body = data[(8 + length)...]
  }

  var metadata: [String: String] {
    get { header["__metadata__"] as? [String: String] ?? [:] }
    set { header["__metadata__"] = newValue }
  }

  /// The architecture, as the JSON it is kept as.
  var architecture: [String: Any] {
    get {
      let json = try? JSONSerialization.jsonObject(with: Data(metadata["architecture", default: ""].utf8))
      return json as? [String: Any] ?? [:]
    }
    set {
      guard let json = try? JSONSerialization.data(withJSONObject: newValue) else { return }
      metadata["architecture"] = String(decoding: json, as: UTF8.self)
    }
  }

  /// Changes one node of the architecture.
  mutating func change(_ node: String, _ body: (inout [String: Any]) -> Void) {
    guard var nodes = architecture["nodes"] as? [[String: Any]],
      let index = nodes.firstIndex(where: { $0["name"] as? String == node })
    else { return }
    body(&nodes[index])
    architecture["nodes"] = nodes
  }

  /// Changes names, shapes and bytes of the tensors, and drops what is described: weights as another program keeps
  /// them.
  mutating func becomeWeights(_ change: (_ name: String, _ shape: [Int], _ bytes: Data) -> (String, [Int], Data)) {
    var (all, bytes): ([String: Any], Data) = ([:], Data())
    for (name, entry) in header.sorted(by: { $0.key < $1.key }) {
      guard let entry = entry as? [String: Any], let shape = entry["shape"] as? [Int],
        let place = entry["data_offsets"] as? [Int]
      else { continue }
      let old = body[(body.startIndex + place[0])..<(body.startIndex + place[1])]
      let new = change(name, shape, old)
      all[new.0] = ["dtype": "F32", "shape": new.1, "data_offsets": [bytes.count, bytes.count + new.2.count]]
      bytes += new.2
    }
    (header, body) = (all, bytes)
  }

  func bytes() throws -> [UInt8] { rawSafetensors(try JSONSerialization.data(withJSONObject: header), body) }
}

/// A safetensors file of any header, right or wrong.
func rawSafetensors(_ header: Data, _ body: Data = Data(), length: UInt64? = nil) -> [UInt8] {
  let length = length ?? UInt64(header.count)
  return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + header + body
}
