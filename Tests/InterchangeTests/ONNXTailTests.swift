import Architectures
import Containers
import Foundation
import Networks
import ONNXSchema
import SwiftProtobuf
import Testing
import Torch

@testable import Interchange

/// Graphs whose end is kept as it is: Tests/Interop/tails.py, run by onnxruntime before and after.
@Suite struct ONNXTailTests {
  private static let written = Result { () throws -> TemporaryFolder in
    let folder = try TemporaryFolder()
    try Exchange.python("tails", folder.url)
    return folder
  }

  private static let all = ReadingOptions(takesAllOutputs: true)

  private func model(_ name: String, _ options: ReadingOptions = ONNXTailTests.all) throws -> Model {
    try ONNXFile.model(contentsOf: Self.written.get().url.appending(path: "\(name).onnx"), options)
  }

  @Test(arguments: [
    ("detector", ["boxes 64×4", "scores 2×64"], ["NonMaxSuppression"]),
    ("detector11", ["boxes 64×4", "scores 2×64"], ["NonMaxSuppression"]), ("segmenter", ["5×8×8"], ["ArgMax"]),
    ("single", ["4×8×8"], ["NonZero"]), ("branch", ["4×8×8"], ["ReduceMean"]), ("recogniser", ["4×8"], ["LSTM"]),
    ("queries", ["4×8×8"], ["ArgMax"]),
  ])
  func `what is learnt ends where gradients end`(name: String, outputs: [String], operators: [String]) throws {
    let model = try model(name)
    let found = try model.network.outputs().map(\.description)
    #expect(found == outputs, "\(found)")
    #expect(model.tail?.operators == operators, "\(String(describing: model.tail?.operators))")
    #expect(model.notes.contains { $0.contains("ends in \(operators[0]): its last") }, "\(model.notes)")
  }

  @Test func `what was read is written with its end, through our own files too, and computes the same`() throws {
    let folder = try Self.written.get().url
    for name in ["detector", "detector11", "segmenter", "single", "branch", "recogniser", "queries"] {
      let own = folder.appending(path: "\(name).safetensors")
      try model(name).write(to: own)
      let back = try Model(contentsOf: own)
      #expect(try back.tail == model(name).tail)
      try ONNXFile.data(of: back, foldingBatchNorm: false).write(to: folder.appending(path: "\(name).again.onnx"))
      let again = try ONNXFile.model(contentsOf: folder.appending(path: "\(name).again.onnx"))
      #expect(try again.outputs() == model(name).outputs())
    }
    try Exchange.python("same", folder)
  }

  @Test func `an open size of images stays open where the network takes any`() throws {
    let folder = try TemporaryFolder()
    let options = ReadingOptions(imageSize: 40, takesAllOutputs: true)
    let model = try model("open", options)
    #expect(model.tail == nil && model.network.inputShape == [3, 40, 40])
    let data = try ONNXFile.data(of: model, foldingBatchNorm: false)
    try data.write(to: folder.url.appending(path: "open.again.onnx"))
    let file = try Self.written.get().url.appending(path: "open.onnx")
    try FileManager.default.copyItem(at: file, to: folder.url.appending(path: "open.onnx"))
    try Exchange.python("same", folder.url)
    let sizes = try ONNXModelProto(serializedBytes: data).graph.input[0].type.tensorType.shape.dim.map(\.words)
    #expect(sizes == ["batch", "3", "height", "width"])
    // Our own file says what size it was planned for.
    let back = try ONNXFile.model(of: data, name: "x.onnx", folder: folder.url)
    #expect(back.network.inputShape == [3, 40, 40] && back.notes.allSatisfy { !$0.contains("open") })
    let larger = try ONNXFile.model(of: data, name: "x.onnx", folder: folder.url, ReadingOptions(imageSize: 64))
    #expect(larger.network.inputShape == [3, 64, 64])
    // A classifier with a layer for each pixel does not take any size.
    var fixed = try plainModel(Network.lenet5(input: [1, 28, 28], classes: 10, seed: 0))
    fixed.interface.opensSize = true
    let written = try ONNXModelProto(serializedBytes: ONNXFile.data(of: fixed, foldingBatchNorm: false))
    #expect(written.graph.input[0].type.tensorType.shape.dim.map(\.words) == ["batch", "1", "28", "28"])
  }

  @Test func `a classifier that cannot be read is refused, and read in part only for images without labels`() throws {
    var file = try ForeignFile()
    file.proto.graph.node[file.proto.graph.node.count - 1].opType = "Det"
    #expect(file.refusal().contains("Det"), "\(file.refusal())")
    #expect(try file.model(Self.all).tail?.operators == ["Det"])
  }

  @Test func `an end that would read the images in another order is refused`() {
    let sentence = message { _ = try model("turned") }
    #expect(sentence.contains("its end (ArgMax, NonZero) reads the images too"), "\(sentence)")
  }

  @Test func `another opset than that of the end is refused`() throws {
    let model = try model("detector")
    let sentence = message { _ = try ONNXFile.data(of: model, foldingBatchNorm: false, opset: 13) }
    #expect(sentence.contains("those of opset 17; leave the opset out"), "\(sentence)")
  }

  @Test func `a damaged end of a graph is a sentence`() throws {
    let folder = try TemporaryFolder()
    let file = folder.url.appending(path: "x.safetensors")
    try model("segmenter").write(to: file)
    var bytes = try Data(contentsOf: file)
    let place = try #require(bytes.range(of: Data("ArgMax".utf8)))
    bytes.replaceSubrange(place.lowerBound - 2..<place.lowerBound, with: [0xFF, 0xFF])
    try bytes.write(to: file)
    #expect(message { _ = try Model(contentsOf: file) }.contains("is damaged; write it again"))
  }

  @Test func `an input beside the images is asked for, and is a constant from then on`() throws {
    var file = try ForeignFile()
    let logits = file.output
    file.declareInput("scale", sizes: [])
    file.append("Mul", [logits, "scale"], "scaled")
    file.declare("scaled", sizes: [4])
    file.proto.graph.output.removeFirst()
    #expect(file.refusal().contains("scale"), "\(file.refusal())")
    #expect(file.refusal().contains("give numbers for the others (`input`)"))
    let doubled = try file.model(ReadingOptions(inputs: [try #require(GivenInput("scale=2"))]))
    let images = Tensor.normal([2] + file.network.inputShape, using: Generator(seed: 1))
    #expect(try relativeDifference(doubled.network(images), file.network(images) * 2) < 1e-6)
    let unknown = file.refusal(ReadingOptions(inputs: [GivenInput("size", [2])]))
    #expect(unknown.contains("has no input size but"), "\(unknown)")
    let many = file.refusal(ReadingOptions(inputs: [GivenInput("scale", [2, 3])]))
    #expect(many.contains("was given 2 numbers, expected one"), "\(many)")
    #expect(GivenInput("scale") == nil && GivenInput("=2") == nil && GivenInput("scale=x") == nil)
  }
}
