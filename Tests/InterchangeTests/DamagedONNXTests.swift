import Architectures
import Containers
import Foundation
import Networks
import ONNXSchema
import SwiftProtobuf
import Testing
import Torch

@testable import Interchange

/// ONNX files that are damaged, hostile, or hold what Thresh does not have.
@Suite struct DamagedONNXTests {
  private func valid() throws -> ONNXModelProto {
    let network = try Network.dec3(input: [1, 8, 8], classes: 3, units: [2, 3, 4], seed: 1)
    return try ONNXModelProto(
      serializedBytes: ONNXFile.data(of: plainModel(network), foldingBatchNorm: false))
  }

  /// What reading says.
  private func refusal(_ data: Data, folder: URL = URL(filePath: "/nonexistent")) -> String {
    message { _ = try ONNXFile.model(of: data, name: "x.onnx", folder: folder) }
  }

  private func refusal(_ change: (inout ONNXModelProto) -> Void) throws -> String {
    var proto = try valid()
    change(&proto)
    return refusal(try proto.serializedBytes())
  }

  @Test func `a file that is cut off anywhere is refused`() throws {
    let data: Data = try valid().serializedBytes()
    for length in stride(from: 0, to: data.count, by: max(1, data.count / 150)) {
      #expect(refusal(data.prefix(length)) != "nothing was thrown", "\(length) bytes")
    }
  }

  @Test func `a file with bytes changed is read or refused, and never traps`() throws {
    let data: Data = try valid().serializedBytes()
    var noise = Noise(seed: 7)
    for _ in 0..<1500 {
      var copy = data
      for _ in 0...(noise.next() % 4) {
        copy[copy.startIndex + noise.next() % copy.count] = UInt8(truncatingIfNeeded: noise.next())
      }
      _ = refusal(copy)
    }
  }

  @Test(arguments: [(1, true), (10, true), (7, false), (9, false)])
  func `a cast to another type of real number is nothing, one to whole numbers is refused`(
    type: Int64, isRead: Bool
  ) throws {
    let sentence = try refusal { proto in
      var attribute = ONNXAttributeProto()
      (attribute.name, attribute.type, attribute.i) = ("to", .int, type)
      append(to: &proto, "Cast", attributes: [attribute])
    }
    #expect(isRead ? sentence == "nothing was thrown" : sentence.contains("integers or booleans"), "\(sentence)")
  }

  @Test(arguments: [Float.infinity, .nan]) func `a bound without an end is none, and one of NaN is refused`(
    bound: Float
  ) throws {
    let sentence = try refusal { proto in
      var attribute = ONNXAttributeProto()
      (attribute.name, attribute.type, attribute.f) = ("max", .float, bound)
      append(to: &proto, "Clip", attributes: [attribute])
    }
    #expect((sentence == "nothing was thrown") == bound.isInfinite, "\(sentence)")
  }

  /// Puts an operator behind the graph's output.
  private func append(to proto: inout ONNXModelProto, _ operation: String, attributes: [ONNXAttributeProto]) {
    var node = ONNXNodeProto()
    node.opType = operation
    node.input = [proto.graph.output[0].name]
    node.output = ["appended"]
    node.attribute = attributes
    proto.graph.node.append(node)
    proto.graph.output[0].name = "appended"
  }

  @Test(arguments: ["vit-export", "swin-export", "convnext-export"])
  func `a graph with bytes changed is read or refused, and never traps`(name: String) throws {
    let folder = try Exchange.exported.get()
    // Its weights lie beside it, so that nearly every byte is the graph's.
    let data = try Data(contentsOf: folder.appending(path: "\(name).onnx"))
    var noise = Noise(seed: 7)
    for _ in 0..<150 {
      var copy = data
      for _ in 0...(noise.next() % 4) {
        copy[copy.startIndex + noise.next() % copy.count] = UInt8(truncatingIfNeeded: noise.next())
      }
      _ = refusal(copy, folder: folder)
    }
  }

  @Test func `what would mix images is refused, with the node that does it`() throws {
    let reversed = ("Transpose", ["input"], "t")
    #expect(try refusal([reversed, ("Add", ["t", "input"], "y")]).contains("Add (y) combines values whose batches"))
    #expect(try refusal([reversed, ("MatMul", ["t", "t"], "y")]).contains("MatMul (y) multiplies matrices"))
    #expect(try refusal([reversed, ("Concat", ["t", "t"], "y")]).contains("expected the batch first"))
    #expect(
      try refusal([reversed, ("Reshape", ["t", "shape"], "y")], numbers: ["shape": [-1, 64]]).contains("mixes images"))
    #expect(try refusal([reversed, ("Softmax", ["t"], "y")]).contains("Softmax (y) works along the batch"))
  }

  @Test func `messages nested too deep, and lengths beyond the file, are refused`() {
    // Field 7 (graph) of ever the same kind: a message in a message in a message.
    var nested = Data()
    for _ in 0..<100_000 {
      var length = UInt64(nested.count)
      var head = Data([0x3A])
      repeat {
        head.append(UInt8(length & 0x7F) | (length > 0x7F ? 0x80 : 0))
        length >>= 7
      } while length > 0
      nested = head + nested.prefix(1 << 16)
    }
    #expect(refusal(nested) != "nothing was thrown")
    #expect(refusal(Data([0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F])).contains("not an ONNX file"))
  }

  @Test func `a tensor that claims more than it holds is refused before anything is allocated`() throws {
    #expect(try refusal { $0.graph.initializer[0].dims = [1_000_000_000] }.contains("does not hold"))
    #expect(try refusal { $0.graph.initializer[0].dims = [1 << 40, 1 << 40] }.contains("too large"))
    #expect(try refusal { $0.graph.initializer[0].dims = [-1] }.contains("too large"))
    #expect(try refusal { $0.graph.initializer[0].dataType = 99 }.contains("type 99"))
  }

  @Test func `one error lists every operation that cannot be read, with its node`() throws {
    let sentence = try refusal { proto in
      for index in proto.graph.node.indices.prefix(2) {
        (proto.graph.node[index].opType, proto.graph.node[index].name) = ("NonZero", "odd\(index)")
      }
      // What lies behind is not complained about.
    }
    #expect(sentence.contains("NonZero (odd0)"))
    #expect(!sentence.contains("Gemm"), "\(sentence)")
  }

  @Test func `values that no node makes, names taken twice and cycles are refused`() throws {
    #expect(try refusal { $0.graph.node[1].input[0] = "nowhere" }.contains("reads nowhere, which no node makes"))
    #expect(try refusal { $0.graph.initializer.append($0.graph.initializer[0]) }.contains("twice"))
    #expect(try refusal { $0.graph.node[0].input[0] = $0.graph.node[0].output[0] }.contains("form a cycle"))
    #expect(
      try refusal { $0.graph.node[1].input[0] = $0.graph.node[3].output[0] }.contains("form a cycle"))
    #expect(
      try refusal { $0.graph.initializer.removeAll { $0.name.hasSuffix("conv_v.weight") } } != "nothing was thrown")
    #expect(try refusal { $0.graph.output[0].name = "nowhere" }.contains("gives what it reads"))
  }

  /// Nodes put before the graph's own, given as operator, inputs and what they make; the last makes the output.
  private func refusal(_ nodes: [(String, [String], String)], numbers: [String: [Int64]] = [:]) throws -> String {
    try refusal { proto in
      for (name, values) in numbers {
        var tensor = ONNXTensorProto()
        (tensor.name, tensor.dataType, tensor.dims) = (name, ONNXType.int64.rawValue, [Int64(values.count)])
        tensor.int64Data = values
        proto.graph.initializer.append(tensor)
      }
      proto.graph.node.insert(
        contentsOf: nodes.map { type, inputs, output in
          var node = ONNXNodeProto()
          (node.opType, node.input, node.output, node.name) = (type, inputs, [output], output)
          return node
        }, at: 0)
      proto.graph.output[0].name = nodes.last?.2 ?? ""
    }
  }

  @Test func `shapes that are computed in odd ways are refused or ignored, and never trap`() throws {
    let shape = ("Shape", ["input"], "shape")
    let numbers: [String: [Int64]] = [
      "two": [1, 2], "minus": [-9], "least": [.min], "most": [.max], "many": Array(0..<40), "none": [],
    ]
    let odd: [[(String, [String], String)]] = [
      [shape, ("Gather", ["shape"], "y")], [shape, ("Gather", ["shape", "most"], "y")],
      [shape, ("Add", ["shape"], "y")], [shape, ("Add", ["shape", "two"], "y")],
      [shape, ("Mul", ["shape", "none"], "y")],
      [shape, ("Slice", ["shape", "most", "least"], "y")], [shape, ("Slice", ["shape"], "y")],
      [("Div", ["least", "minus"], "y")], [("Add", ["most", "most"], "y")], [("Mul", ["least", "least"], "y")],
      [("ConstantOfShape", ["most"], "y")], [("ConstantOfShape", ["least"], "y")],
      [("Unsqueeze", ["two", "many"], "y")], [("Unsqueeze", ["input", "many"], "y")],
      [("Reshape", ["most", "many"], "y")], [("Reshape", ["input", "most"], "y")],
      [("Reshape", ["input", "two"], "y")],
      [("Transpose", ["most"], "y")], [("Concat", [], "y")], [("Split", ["input", "most"], "y")],
      [("Pad", ["input", "most"], "y")], [("Gather", ["input", "most"], "y")],
      [("Slice", ["input", "least", "most"], "y")],
      [("Transpose", ["input"], "t"), ("Add", ["t", "input"], "y")],
      [("Transpose", ["input"], "t"), ("MatMul", ["t", "t"], "y")],
      [("Transpose", ["input"], "t"), ("Concat", ["t", "input"], "y")],
      [("Transpose", ["input"], "t"), ("Softmax", ["t"], "y")], [("MatMul", ["most", "input"], "y")],
      [("Expand", ["input", "many"], "y")], [("Expand", ["most", "many"], "y")], [("Expand", ["two", "most"], "y")],
      [shape, ("Expand", ["two", "shape"], "y")], [shape, ("Expand", ["least", "shape"], "y")],
      [shape, ("Reshape", ["input", "shape"], "y")], [shape, ("Mod", ["shape", "minus"], "y")],
      [shape, ("Mul", ["shape", "most"], "y")], [shape, ("Div", ["shape", "minus"], "y")],
      [shape, ("Equal", ["shape", "shape"], "y")], [shape, ("Where", ["shape", "most", "two"], "y")],
      [("Range", ["least", "most", "two"], "y")], [("Range", ["least", "most", "most"], "y")],
      [("ScatterND", ["many", "most", "two"], "y")], [("ScatterND", ["many", "minus", "least"], "y")],
      [("Where", ["two", "many", "most"], "y")], [("Mod", ["least", "minus"], "y")], [("Equal", ["none", "two"], "y")],
      [("Concat", ["none", "none"], "y")], [("Squeeze", ["many", "many"], "y")], [("Gather", ["none", "two"], "y")],
      [("Slice", ["many", "most", "least", "none", "most"], "y")], [("Cast", ["most"], "y")], [("Not", ["most"], "y")],
      [("Slice", ["many", "most", "least", "minus", "least"], "y")], [("Pow", ["most", "most"], "y")],
      [("Flatten", ["most"], "y")], [("ReduceMean", ["input", "least"], "y")], [("Clip", ["input", "two"], "y")],
    ]
    for nodes in odd { _ = try refusal(nodes, numbers: numbers) }
    #expect(try refusal([shape, ("Gather", ["shape"], "y")]).contains("Gather (y)"))
    #expect(try refusal([("Concat", [], "y")]).contains("has classes that depend on no input"))
  }

  @Test func `images of an open number of channels, or no images, are refused`() throws {
    #expect(
      try refusal { proto in
        proto.graph.input[0].type.tensorType.shape.dim[1].dimParam = "colours"
      }.contains("batch × colours × 8 × 8"))
    #expect(try refusal { $0.graph.input = [] }.contains("has classes that depend on no input"))
    #expect(try refusal { $0.clearGraph() }.contains("no graph"))
    #expect(try refusal { $0.opsetImport = [] }.contains("no graph"))
  }

  @Test(arguments: ["/etc/passwd", "../secret.bin", "a/../../secret.bin", "", "link"])
  func `data outside the model's folder is refused`(location: String) throws {
    let folder = try TemporaryFolder()
    let home = folder.url.appending(path: "home")
    try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
    try Data(count: 1000).write(to: folder.url.appending(path: "secret.bin"))
    try FileManager.default.createSymbolicLink(
      at: home.appending(path: "link"), withDestinationURL: folder.url.appending(path: "secret.bin"))
    var proto = try valid()
    var entry = ONNXStringStringEntryProto()
    (entry.key, entry.value) = ("location", location)
    proto.graph.initializer[0].rawData = Data()
    proto.graph.initializer[0].dataLocation = .external
    proto.graph.initializer[0].externalData = [entry]
    let sentence = refusal(try proto.serializedBytes(), folder: home)
    #expect(sentence.contains("beside the model") || sentence.contains("out of the model's folder"), "\(sentence)")
  }

  @Test func `data beside the model is read, and refused where it is too short`() throws {
    let folder = try TemporaryFolder()
    var proto = try valid()
    let bytes = proto.graph.initializer[0].rawData
    try bytes.write(to: folder.url.appending(path: "weights.bin"))
    proto.graph.initializer[0].rawData = Data()
    proto.graph.initializer[0].dataLocation = .external
    func entries(_ pairs: [(String, String)]) -> [ONNXStringStringEntryProto] {
      pairs.map { key, value in
        var entry = ONNXStringStringEntryProto()
        (entry.key, entry.value) = (key, value)
        return entry
      }
    }
    proto.graph.initializer[0].externalData = entries([("location", "weights.bin")])
    #expect(refusal(try proto.serializedBytes(), folder: folder.url) == "nothing was thrown")
    for length in ["-4", "1000000000", "4"] {
      proto.graph.initializer[0].externalData = entries([("location", "weights.bin"), ("length", length)])
      #expect(refusal(try proto.serializedBytes(), folder: folder.url) != "nothing was thrown")
    }
    proto.graph.initializer[0].externalData = entries([("location", "weights.bin"), ("offset", "9223372036854775807")])
    #expect(refusal(try proto.serializedBytes(), folder: folder.url).contains("behind the end"))
  }
}
