import Containers
import Foundation
import Networks
import ONNXSchema
import SwiftProtobuf
import Testing
import Torch

@testable import Interchange

/// What images a file wants: type, size and normalisation; and what is kept of it in files that are written.
@Suite struct ONNXInputTests {
  private let mean: [Float] = [0.485, 0.456, 0.406]
  private let std: [Float] = [0.229, 0.224, 0.225]
  private let raw: [Float] = [1 / 255, 1 / 255, 1 / 255]

  /// A file that subtracts and divides before anything else.
  private func normalising(_ mean: [Float], _ std: [Float], shape: [Int] = [1, 3, 1, 1]) throws -> ForeignFile {
    var file = try ForeignFile()
    file.begin([("Sub", ["input", "m"], "centred"), ("Div", ["centred", "s"], "begun")])
    file.store("m", mean, shape: shape)
    file.store("s", std, shape: shape)
    return file
  }

  @Test func `where nothing says how images are normalised ImageNet's way is assumed, and said`() throws {
    let model = try ForeignFile().model()
    #expect(model.preprocessing.mean == mean && model.preprocessing.std == std)
    #expect(model.notes.count == 1 && model.notes[0].contains("ImageNet's mean 0.485, 0.456, 0.406"))
    // What Thresh wrote says it.
    #expect(try throughONNX(model).notes.isEmpty)
    let given = try ForeignFile().model(ReadingOptions(mean: [0.5], std: [0.25]))
    #expect(given.preprocessing.mean == [0.5, 0.5, 0.5] && given.preprocessing.std == [0.25, 0.25, 0.25])
    #expect(given.notes.isEmpty)
    for again in [try throughONNX(given), try throughOwnFile(given)] {
      #expect(again.preprocessing == given.preprocessing)
    }
  }

  @Test func `a network that normalises raw pixels itself gets raw pixels`() throws {
    let model = try normalising(mean.map { $0 * 255 }, std.map { $0 * 255 }).model()
    #expect(model.preprocessing.mean == [0, 0, 0] && model.preprocessing.std == raw)
    #expect(model.notes[0].contains("mean 123.7, 116.3, 103.5") && model.notes[0].contains("pixels from 0 to 255"))
    // Its mean and deviation are no weights to be trained.
    #expect(model.network.nodes.filter { $0.operation is Stored }.allSatisfy { $0.parameters[.weight] == nil })
    // A mean alone, as of Caffe's networks, here with red first.
    #expect(try normalising([123.68, 116.78, 103.94], [1, 1, 1]).model().preprocessing.std == raw)
    // Keras's: x/127.5 - 1.
    var keras = try ForeignFile()
    keras.begin([("Mul", ["input", "k"], "scaled"), ("Add", ["scaled", "one"], "begun")])
    keras.store("k", [1 / 127.5], shape: [])
    keras.store("one", [-1], shape: [1])
    #expect(try keras.model().preprocessing.std == raw)
  }

  @Test func `one that normalises pixels of 0 to 1 gets these`() throws {
    let model = try normalising(mean, std).model()
    #expect(model.preprocessing.mean == [0, 0, 0] && model.preprocessing.std == [1, 1, 1])
    #expect(model.notes[0].contains("pixels from 0 to 1 are"))
  }

  @Test func `what is no normalisation of images is taken for none`() throws {
    for (mean, std): ([Float], [Float]) in [([-0.375], [0.125]), ([0], [1]), ([0.01], [0.9]), ([0.0656], [2.18])] {
      let file = try normalising(mean, std, shape: [1])
      #expect(try file.model().preprocessing.mean == self.mean, "\(mean) \(std)")
    }
  }

  @Test func `blue, green and red are told by their means, and turned round`() throws {
    let file = try normalising([103.53, 116.28, 123.675], [57.375, 57.12, 58.395])
    let turned = try normalising([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])
    let (model, plain) = (try file.model(), try turned.model())
    #expect(model.preprocessing == plain.preprocessing)
    #expect(model.notes.contains { $0.contains("blue, green, red") })
    let images = Tensor.uniform([2, 3, 8, 8], in: 0...255, using: Generator(seed: 1))
    let bare = try file.model(ReadingOptions(mean: [0], std: [1])).network
    #expect(bare.nodes[0].operation is Gather)
    let first = model.network.nodes[0]
    #expect(first.inputs == [Network.inputName] && (first.operation as? Gather)?.indices == [2, 1, 0])
    #expect(try relativeDifference(throughONNX(model).network(images), model.network(images)) < 1e-6)
    // A second time it is known.
    #expect(try throughONNX(model).network.nodes.count == model.network.nodes.count)
  }

  @Test func `an input of bytes is raw pixels, and is written so again`() throws {
    var file = try normalising(mean.map { $0 * 255 }, std.map { $0 * 255 })
    file.proto.graph.node[0].input[0] = "real"
    file.append("Cast", ["input"], "real", ["to": 1], at: 0)
    file.read(.uint8, [3, 8, 8])
    let model = try file.model()
    #expect(model.preprocessing.mean == [0, 0, 0] && model.preprocessing.std == raw)
    #expect(model.interface.inputType == .uint8)
    for again in [try throughONNX(model), try throughOwnFile(model)] {
      #expect(again.interface == model.interface && again.preprocessing == model.preprocessing)
    }
    let written = try graph(of: model)
    #expect(written.input[0].type.tensorType.elemType == ONNXType.uint8.rawValue)
    #expect(written.node[0].opType == "Cast")
    #expect(try PyTorchModule(model.network, weights: "w", model.interface).source.contains("x = x.float()"))
    // With a normalisation of one's own the input is no byte any more.
    let given = try file.model(ReadingOptions(mean: mean, std: std))
    #expect(given.interface.inputType == .float32 && given.notes.contains { $0.contains("reads bytes") })
    file.read(.int64, [3, 8, 8])
    #expect(file.refusal().contains("images of type int64"), "\(file.refusal())")
  }

  @Test func `what well-known tools say in their metadata is taken`() throws {
    var file = try ForeignFile()
    file.describe([
      "author": "Ultralytics", "task": "classify", "names": #"{0: 'cat', 1: "dog's", 2: 'it\'s', 3: 'bird'}"#,
    ])
    let model = try file.model()
    #expect(model.preprocessing.mean == [0, 0, 0] && model.preprocessing.std == [1, 1, 1])
    #expect(model.classNames == ["cat", "dog's", "it's", "bird"])
    file.describe(["Image.NominalPixelRange": "Normalized_1_1", "Image.BitmapPixelFormat": "Bgr8"])
    let other = try file.model()
    #expect(other.preprocessing.mean == [0.5, 0.5, 0.5] && other.preprocessing.std == [0.5, 0.5, 0.5])
    #expect(other.network.nodes[0].operation is Gather)
    // Keys that only look like ours say nothing.
    file.describe(["recipe": "pancakes", "figures": "{}", "preprocessing": "{}", "classes": "[1]"])
    #expect(try file.model().recipe == nil)
  }

  @Test func `given means replace a file's own, which is said, and have to go with its channels`() throws {
    var model = try plainModel(ForeignFile().network)
    try model.adopt(ReadingOptions(mean: mean, std: std), "own.safetensors")
    #expect(model.preprocessing.mean == mean && model.notes.count == 1)
    #expect(model.notes[0].contains("override those of own.safetensors, 0.5, 0.5, 0.5 and 0.2"))
    #expect(message { try model.adopt(ReadingOptions(mean: [1, 2], std: [1]), "x") }.contains("3 channels"))
  }

  @Test func `sizes that are open are asked for, or those of the images at hand`() throws {
    var file = try ForeignFile()
    file.read(.float, [3, nil, nil])
    #expect(throws: OpenChoice.self) { try file.model() }
    #expect(file.refusal().contains("size of its images open (input (batch × 3 × ? × ?))"), "\(file.refusal())")
    for options in [
      ReadingOptions(imageSize: 8), ReadingOptions(usualSize: 8), ReadingOptions(imageSize: 8, usualSize: 9),
    ] {
      let model = try file.model(options)
      #expect(model.network.inputShape == [3, 8, 8])
      #expect(model.notes[0].contains("8×8 pixels are assumed"))
      #expect(try throughONNX(model).network.inputShape == [3, 8, 8])
    }
    // One side tells the other.
    for sizes: [Int?] in [[3, 8, nil], [3, nil, 8]] {
      file.read(.float, sizes)
      #expect(try file.model().network.inputShape == [3, 8, 8])
    }
    file.read(.float, [3, 8, 8])
    // A network that pools globally takes any size.
    let other = try file.model(ReadingOptions(imageSize: 9))
    #expect(other.network.inputShape == [3, 9, 9])
    #expect(other.notes.contains { $0.contains("made for images of 8×8 pixels, and reads 9×9 now") }, "\(other.notes)")
    #expect(try file.model(ReadingOptions(usualSize: 9)).notes.count == 1)
  }

  @Test func `names of input and output are kept, whatever else has them`() throws {
    var file = try ForeignFile()
    // A layer of the network is called like the output.
    let taken = file.network.nodes[0].name
    file.end(with: "Identity")
    file.proto.graph.node[file.proto.graph.node.count - 1].output[0] = "classes"
    file.proto.graph.output[0].name = "classes"
    var model = try file.model()
    model.interface.inputName = "photograph"
    for again in [try throughONNX(model), try throughONNX(throughOwnFile(model))] {
      #expect(again.interface.inputName == "photograph" && again.interface.outputName == "classes")
      #expect(again.network.nodes.map(\.name) == file.network.nodes.map(\.name))
    }
    model.interface.outputName = taken
    let written = try graph(of: model)
    #expect(written.input[0].name == "photograph" && written.output[0].name == taken)
    #expect(try Difference(between: file.network, and: throughONNX(model).network).relative < 1e-9)
  }

  @Test func `float16 is written as float16, and what does not fit into it as float32`() throws {
    var file = try ForeignFile()
    file.end(with: "Softmax", ["axis": 1])
    for index in file.proto.graph.initializer.indices
    where file.proto.graph.initializer[index].dataType == ONNXType.float.rawValue {
      let numbers = file.proto.graph.initializer[index].rawData.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
      let tensor = Tensor(numbers.map(Double.init), shape: [numbers.count]).to(.float16)
      var bytes = Data(count: 2 * numbers.count)
      bytes.withUnsafeMutableBytes { tensor.read(into: $0) }
      file.proto.graph.initializer[index].rawData = bytes
      file.proto.graph.initializer[index].dataType = ONNXType.float16.rawValue
    }
    file.read(.float16, [3, 8, 8])
    file.proto.graph.output[0].type.tensorType.elemType = ONNXType.float16.rawValue
    let model = try file.model()
    #expect(model.notes[0].contains("holds float16"))
    var bare = try graph(of: model)
    #expect(bare.initializer.allSatisfy { $0.dataType != ONNXType.float.rawValue })
    for info in bare.input + bare.output { #expect(info.type.tensorType.elemType == ONNXType.float16.rawValue) }
    bare.name = file.proto.graph.name
    let (size, given): (Data, Data) = (try bare.serializedBytes(), try file.proto.graph.serializedBytes())
    // Attributes that are not as usual may be spelt in a few more bytes; float32 would double the weights'.
    #expect(size.count <= given.count + 32)
    for again in [try throughONNX(model), try throughOwnFile(model)] {
      #expect(again.interface == model.interface)
      #expect(try Difference(between: model.network, and: again.network).relative < 1e-9)
    }
    // Weights that came of a training are rounded when they are written.
    var trained = model
    let name = model.network.parameterNames[0]
    trained.network.parameters[name] = model.network.parameters[name].map { $0 * 1.0001 }
    let (back, rounded) = (try throughOwnFile(trained), trained.asWritten())
    #expect(try Difference(between: rounded.network, and: back.network).relative < 1e-9)
    #expect(try Difference(between: trained.network, and: back.network).largest > 0)
    trained.network.parameters[name] = model.network.parameters[name].map { $0 + 1e6 }
    #expect(!trained.writesHalf)
    let large = try graph(of: trained)
    #expect(large.input[0].type.tensorType.elemType == ONNXType.float16.rawValue)
    #expect(large.initializer.contains { $0.dataType == ONNXType.float.rawValue })
    #expect(try throughOwnFile(trained).network.parameters[name]?.maximumMagnitude ?? 0 > 1e5)
  }

  @Test func `what is written in another's way gives in onnxruntime what it gives here`() throws {
    let folder = try TemporaryFolder()
    let network = try ForeignFile().network
    var wanted: [String: Tensor] = [:]
    for (weights, input) in [
      ("float32", "uint8"), ("float32", "float16"), ("float16", "float32"), ("float16", "uint8"),
    ] {
      for activation in ["Softmax", "LogSoftmax", "Sigmoid"] {
        let file = "\(weights)-\(input)-\(activation)"
        var model = try plainModel(network)
        model.interface.weightType = try #require(.init(rawValue: weights))
        model.interface.inputType = try #require(.init(rawValue: input))
        model.interface.outputType = weights == "float16" ? .float32 : .float16
        model.interface.outputActivation = OutputActivation(rawValue: activation)
        (model.interface.inputName, model.interface.outputName) = ("photograph", "classes")
        try ONNXFile.data(of: model, foldingBatchNorm: false)
          .write(to: folder.url.appending(path: "\(file).onnx"))
        // Whole numbers, so that every type has them.
        let images = Tensor((0..<576).map { Double($0 * 7 % 5) }, shape: [3, 3, 8, 8]).to(.float32)
        try Exchange.write(images, to: folder.url.appending(path: "\(file).3.in"))
        let logits = try network(images)
        wanted["\(file).3"] =
          switch activation {
          case "Softmax": logits.softmax(axis: 1)
          case "Sigmoid": logits.sigmoid
          default: Tensor(logits.softmax(axis: 1).doubles.map { log($0) }, shape: logits.shape)
          }
      }
    }
    try Exchange.python("run", folder.url)
    for (name, output) in wanted {
      let found = try Exchange.tensor(folder.url.appending(path: "\(name).out"), shape: output.shape)
      #expect(try relativeDifference(found, output) < 5e-3, "\(name)")
    }
  }
}
