import Containers
import Foundation
import Networks
import ONNXSchema
import SwiftProtobuf
import Testing
import Torch

@testable import Interchange

/// Which output of a file is taken, what of the file it needs, and the activation that it ends in.
@Suite struct ONNXOutputTests {
  @Test func `of several outputs that may be the classes none is taken unless it is named`() throws {
    var file = try ForeignFile()
    file.store("aux.weight", Array(repeating: 0.5, count: 12), shape: [4, 3])
    file.append("GlobalAveragePool", ["input"], "pooled")
    file.append("Flatten", ["pooled"], "features")
    file.append("Gemm", ["features", "aux.weight"], "aux", ["transB": 1])
    let main = file.output
    file.declare("aux", sizes: [4], first: true)
    #expect(throws: OpenChoice.self) { try file.model() }
    #expect(file.refusal().contains("aux (batch × 4), \(main) (batch × 4)"), "\(file.refusal())")
    #expect(file.refusal(ReadingOptions(outputName: "other")).contains("no output other but aux"))
    let chosen = try file.model(ReadingOptions(outputName: main))
    #expect(try Difference(between: file.network, and: chosen.network).relative < 1e-9)
    #expect(chosen.network.nodes.map(\.name) == file.network.nodes.map(\.name))
    #expect(chosen.interface.outputName == main)
    #expect(try file.model(ReadingOptions(outputName: "aux")).network.nodes.count == 3)
    // An output that cannot be read and says that it is classes may be meant, too.
    file.proto.graph.node[file.proto.graph.node.count - 1].opType = "NonZero"
    #expect(throws: OpenChoice.self) { try file.model() }
  }

  @Test func `outputs that are no classes are passed over, and that is said`() throws {
    var file = try ForeignFile()
    let logits = file.output
    file.append("ArgMax", [logits], "label", ["axis": 1])
    file.declare("label", .int64, sizes: [], first: true)
    file.append("ReduceMean", [logits], "score", ["keepdims": 1])
    file.declare("score", sizes: [1])
    let model = try file.model()
    #expect(try Difference(between: file.network, and: model.network).relative < 1e-9)
    #expect(model.notes[0].contains("label (batch), \(logits) (batch × 4), score (batch × 1), \(logits) gives"))
  }

  @Test(arguments: [true, false]) func `logits and their probabilities are the same classes`(first: Bool) throws {
    var file = try ForeignFile()
    let logits = file.output
    file.append("Softmax", [logits], "probabilities", ["axis": 1])
    file.declare("probabilities", sizes: [4], first: first)
    let model = try file.model()
    #expect(model.interface.outputName == logits && model.interface.outputActivation == nil)
  }

  @Test func `what the classes do not need is not read`() throws {
    var file = try ForeignFile()
    let order = file.proto.graph.node.count
    file.append("NonZero", [file.output], "odd")
    file.append("Mul", [file.output, "broken"], "spoilt")
    var broken = ONNXTensorProto()
    (broken.name, broken.dataType, broken.dims) = ("broken", 99, [3, 3])
    file.proto.graph.initializer += [broken, broken]
    var ids = file.proto.graph.input[0]
    ids.name = "ids"
    file.proto.graph.input.insert(ids, at: 0)
    #expect(try Difference(between: file.network, and: file.model().network).relative < 1e-9)
    // Nor are indices of a pooling.
    let pooling = try #require(file.proto.graph.node.firstIndex { $0.opType == "MaxPool" })
    file.proto.graph.node[pooling].output.append("indices")
    #expect(try file.model().classNames.count == 4)
    // Converters append nodes in any order.
    file.proto.graph.node.reverse()
    #expect(try Difference(between: file.network, and: file.model().network).relative < 1e-9)
    file.proto.graph.node = Array(file.proto.graph.node.reversed().prefix(order))
    file.end(with: "Add", reading: ["ids"])
    #expect(file.refusal().contains("needs 2 inputs"), "\(file.refusal())")
  }

  /// An ending, the opset it is written for and what is taken off.
  struct Ending: Sendable, CustomTestStringConvertible {
    var nodes: [(String, [String: Int64])]
    var opset: Int64 = 17
    var activation: OutputActivation
    var testDescription: String { "\(nodes.map(\.0)), opset \(opset)" }
  }

  @Test(arguments: [
    Ending(nodes: [("Softmax", ["axis": 1])], activation: .softmax),
    Ending(nodes: [("Softmax", [:])], activation: .softmax),
    Ending(nodes: [("Softmax", [:])], opset: 11, activation: .softmax),
    Ending(nodes: [("LogSoftmax", ["axis": -1])], activation: .logSoftmax),
    Ending(nodes: [("Softmax", ["axis": 1]), ("Log", [:])], activation: .logSoftmax),
    Ending(nodes: [("Sigmoid", [:])], activation: .sigmoid),
    Ending(nodes: [("Softmax", ["axis": 1]), ("Identity", [:]), ("Flatten", [:])], activation: .softmax),
    Ending(nodes: [("Softmax", ["axis": 1]), ("Cast", ["to": 1])], activation: .softmax),
  ])
  func `the last activation is taken off, kept in files and written again`(ending: Ending) throws {
    var file = try ForeignFile()
    for (operation, attributes) in ending.nodes { file.end(with: operation, attributes) }
    file.proto.opsetImport[0].version = ending.opset
    let model = try file.model()
    #expect(try Difference(between: file.network, and: model.network).relative < 1e-9)
    #expect(model.interface.outputActivation == ending.activation)
    for again in [try throughONNX(model), try throughOwnFile(model)] {
      #expect(try Difference(between: file.network, and: again.network).relative < 1e-9)
      #expect(again.interface == model.interface)
    }
    #expect(try graph(of: model).node.last?.opType == ending.activation.rawValue)
    #expect(try PyTorchModule(model.network, weights: "w", model.interface).source.contains("return torch."))
    #expect(model.notes.contains { $0.contains("Sigmoid") } == (ending.activation == .sigmoid))
  }

  @Test func `a softmax over some of the classes, or one that something else reads, stays`() throws {
    var file = try ForeignFile()
    file.store("pairs", [0, 2, 2])
    file.store("vector", [0, 4])
    file.end(with: "Reshape", reading: ["pairs"])
    file.end(with: "Softmax", ["axis": -1])
    file.end(with: "Reshape", reading: ["vector"])
    let model = try file.model()
    #expect(model.interface.outputActivation == nil && model.network.nodes.contains { $0.operation is Softmax })

    var other = try ForeignFile()
    other.store("vector", [0, 4])
    other.end(with: "Softmax", ["axis": 1])
    let probabilities = other.output
    other.append("Mul", [probabilities, probabilities], "squares")
    other.proto.graph.output[0].name = "squares"
    #expect(try other.model().interface.outputActivation == nil)
    other.proto.graph.output[0].name = probabilities
    #expect(try other.model().interface.outputActivation == .softmax)
    other.append("Reshape", ["squares", "vector"], "again")
    other.append("Sub", [probabilities, "again"], "difference")
    other.proto.graph.output[0].name = "difference"
    #expect(try other.model().interface.outputActivation == nil)
  }

  @Test func `a file of Thresh's own that ends in a softmax is read as logits`() throws {
    var network = try ForeignFile().network
    let logits = network.output
    network.nodes.append(Node(name: "softmax", operation: Softmax(axis: 0), inputs: [logits]))
    network.output = "softmax"
    let model = try throughOwnFile(plainModel(network))
    #expect(model.network.output == logits && model.interface.outputActivation == .softmax)
    #expect(try graph(of: model).node.last?.opType == "Softmax")
  }

  @Test func `probabilities are those of the logits, and a sigmoid's are each class's own`() throws {
    var model = try plainModel(ForeignFile().network)
    let logits = Tensor([0, 1, 2, 3], shape: [1, 4]).to(.float32)
    #expect(abs(model.probabilities(logits).sum.item - 1) < 1e-6)
    model.interface.outputActivation = .sigmoid
    #expect(abs(model.probabilities(logits).doubles[0] - 0.5) < 1e-6)
  }

  @Test func `a quantised file is named so`() throws {
    var file = try ForeignFile()
    file.append("DynamicQuantizeLinear", ["input"], "quantised")
    #expect(try file.model().classNames.count == 4)
    file.begin([("DynamicQuantizeLinear", ["input"], "q"), ("QLinearAdd", ["q", "s"], "begun")])
    file.store("s", [0.1], shape: [])
    let words = "x.onnx is quantised (DynamicQuantizeLinear, QLinearAdd)"
    #expect(file.refusal().contains(words), "\(file.refusal())")
    var small = try ForeignFile()
    small.proto.graph.initializer[0].dataType = 22
    #expect(small.refusal().contains("x.onnx is quantised (int4 numbers)"), "\(small.refusal())")
  }
}
