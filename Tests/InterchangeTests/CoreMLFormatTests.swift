import Architectures
import Containers
import CoreMLSchema
import Foundation
import Networks
import Testing
import Torch

@testable import Interchange

/// Packages for Core ML as files: what they hold, what is refused, and what coremltools reads.
@Suite struct CoreMLFormatTests {
  private func lenet(classes: Int = 10) throws -> Model {
    try CoreMLTests.model(.lenet5(input: [1, 28, 28], classes: classes, seed: 1))
  }

  @Test func `a package says what an app gives it and gets`() throws {
    var model = try CoreMLTests.model(.dec3(input: [3, 24, 32], classes: 7, seed: 1))
    model.figures = ["top1": 91.5]
    let proto = try CoreMLInterpreter(CoreMLPackage(of: model)).model
    #expect(proto.specificationVersion == 6)
    let description = proto.description_p
    let image = try #require(description.input.first).type.imageType
    #expect(image.width == 32 && image.height == 24 && image.colorSpace == .rgb)
    #expect(description.output.map(\.name) == ["classLabel", "classLabel_probs"])
    #expect(description.predictedFeatureName == "classLabel")
    #expect(description.predictedProbabilitiesName == "classLabel_probs")
    #expect(description.metadata.userDefined["figures"] == #"{"top1":91.5}"#)
    let grey = try CoreMLInterpreter(CoreMLPackage(of: lenet())).model.description_p
    #expect(grey.input.first?.type.imageType.colorSpace == .grayscale)
  }

  @Test func `weights of int8 ask for iOS 16, and only if there are any`() throws {
    let options = CoreMLOptions(int8Weights: true)
    let large = try CoreMLPackage(of: lenet(), options)
    #expect(try CoreMLInterpreter(large).model.specificationVersion == 7 && large.systems.hasPrefix("iOS 16"))
    let small = try CoreMLPackage(
      of: CoreMLTests.model(.dec3(input: [3, 8, 8], classes: 3, units: [2, 3, 4], seed: 1)), options)
    #expect(try CoreMLInterpreter(small).model.specificationVersion == 6 && small.systems.hasPrefix("iOS 15"))
  }

  @Test func `the same model gives the same bytes`() throws {
    #expect(try CoreMLPackage(of: lenet()).files == CoreMLPackage(of: lenet()).files)
  }

  @Test func `the manifest names both items of the package`() throws {
    let file = try #require(CoreMLPackage(of: lenet()).files["Manifest.json"])
    let manifest = try #require(try JSONSerialization.jsonObject(with: file) as? [String: Any])
    let items = try #require(manifest["itemInfoEntries"] as? [String: [String: String]])
    let root = try #require(manifest["rootModelIdentifier"] as? String)
    #expect(items[root]?["path"] == "com.apple.CoreML/model.mlmodel")
    #expect(
      Set(items.values.compactMap { $0["path"] }) == ["com.apple.CoreML/model.mlmodel", "com.apple.CoreML/weights"])
  }

  @Test func `probabilities of a sigmoid are each by itself`() throws {
    var model = try lenet()
    model.interface.outputActivation = .sigmoid
    let outputs = try CoreMLInterpreter(CoreMLPackage(of: model))(.zeros([1, 1, 28, 28]))
    let wanted = outputs.logits.sigmoid.doubles
    #expect(zip(model.classNames, wanted).allSatisfy { abs((outputs.probabilities[$0] ?? 2) - $1) < 1e-6 })
  }

  @Test func `classes of one name are told apart by their numbers`() {
    #expect(
      CoreMLInterface.distinct(["crane", "owl", "crane", "crane (2)"]) == [
        "crane (0)", "owl", "crane (2)'", "crane (2)",
      ])
  }

  @Test func `names become those of variables, each once`() {
    var names = CoreMLNames(reserved: ["classLabel"])
    let given = ["layer1.0.conv", "layer1_0_conv", "0", "", "größe", "state", "classLabel", "a\r\nb"]
    let found = given.map { names.new($0) }
    #expect(
      found == [
        "layer1_0_conv", "layer1_0_conv_2", "var_0", "var_", "gr__e", "state_2", "classLabel_2", "a_b",
      ])
  }

  @Test func `a weight beyond float16 is refused by name, and written in float32`() throws {
    var model = try lenet()
    let name = try #require(model.network.parameterNames.first)
    model.network.parameters[name] = try #require(model.network.parameters[name]) * 1e7
    let sentence = message { _ = try CoreMLPackage(of: model) }
    #expect(sentence.contains(name) && sentence.contains("65504") && sentence.contains("float32"), "\(sentence)")
    _ = try CoreMLPackage(of: model, CoreMLOptions(precision: .float32))
    model.network.parameters[name] = try #require(model.network.parameters[name]) * .infinity
    let broken = message { _ = try CoreMLPackage(of: model, CoreMLOptions(precision: .float32)) }
    #expect(broken.contains(name) && broken.contains("not finite"), "\(broken)")
  }

  @Test func `a value of six axes is refused by the node's name, one of five is written`() throws {
    func network(_ shape: [Int]) -> Network {
      Network(
        inputShape: [1, 4, 8],
        nodes: [
          Node(name: "split", operation: Reshape(shape), inputs: [Network.inputName]),
          Node(name: "turn", operation: Transpose(Array(shape.indices.reversed())), inputs: ["split"]),
          Node(name: "flat", operation: Flatten(), inputs: ["turn"]),
        ], output: "flat", parameters: [:])
    }
    let five = try CoreMLTests.model(network([2, 2, 2, 2, 2]))
    let image = Tensor((0..<32).map { Float($0) }, shape: [1, 1, 4, 8])
    let found = try CoreMLInterpreter(CoreMLPackage(of: five, CoreMLOptions(precision: .float32)))(image)
    #expect(try relativeDifference(found.logits, five.network(five.preprocessing.normalized(image))) < 1e-5)
    let sentence = message { _ = try CoreMLPackage(of: CoreMLTests.model(network([2, 2, 2, 2, 2, 1]))) }
    #expect(sentence.contains("split") && sentence.contains("five axes"), "\(sentence)")
  }

  @Test func `a package is written whole, and what is there stays`() throws {
    let folder = try TemporaryFolder()
    let package = try CoreMLPackage(of: lenet())
    let place = folder.url.appending(path: "small.mlpackage")
    try package.write(to: place)
    let weights = place.appending(path: "Data/com.apple.CoreML/weights/weight.bin")
    let before = try Data(contentsOf: weights)
    #expect(before == package.files["Data/com.apple.CoreML/weights/weight.bin"])
    let sentence = message { try CoreMLPackage(of: lenet(classes: 3)).write(to: place) }
    #expect(sentence.contains("small.mlpackage exists already"), "\(sentence)")
    #expect(try Data(contentsOf: weights) == before)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["small.mlpackage"])
  }

  @Test(.enabled(if: Exchange.has("coremltools"), "coremltools is not in .venv"))
  func `coremltools reads every package, and infers the shapes and types that it declares`() throws {
    let folder = try TemporaryFolder()
    var models: [String: (model: Model, options: CoreMLOptions)] = [:]
    for (name, network) in try SampleNetworks.all() {
      models[name] = (try CoreMLTests.model(network), CoreMLOptions())
    }
    for (name, options) in [
      ("whole", CoreMLOptions(precision: .float32)), ("int8", CoreMLOptions(int8Weights: true)),
      ("int8-whole", CoreMLOptions(precision: .float32, int8Weights: true)),
    ] {
      models[name] = (
        try CoreMLTests.model(Catalogue.resnet20.network(input: [3, 32, 32], classes: 10, seed: 1)), options
      )
    }
    let graphs = try OperatorGraphs.written.get()
    for given in graphs.cases.read {
      let model = try graphs.model(given.name)
      guard !model.classNames.isEmpty, !model.network.nodes.contains(where: { $0.operation is Quantize }) else {
        continue
      }
      models["graph-\(given.name)"] = (model, CoreMLOptions())
    }
    for name in ["mobilenet_v2", "gated", "chosen", "sloped", "vit", "swin", "convnext"] {
      let file = try Exchange.exported.get().appending(path: "\(name)-script.onnx")
      models[name] = (try ONNXFile.model(contentsOf: file), CoreMLOptions())
    }
    for (name, given) in models {
      try CoreMLPackage(of: given.model, given.options).write(to: folder.url.appending(path: "\(name).mlpackage"))
    }
    try Exchange.python("coreml", folder.url)
    for (name, given) in models {
      let data = try Data(contentsOf: folder.url.appending(path: "\(name).json"))
      let read = try JSONDecoder().decode(ReadByCoreMLTools.self, from: data)
      #expect(read.version == (name.hasPrefix("int8") ? 7 : 6) && read.classes == given.model.classNames, "\(name)")
      #expect(read.label == "classLabel" && read.probabilities == "classLabel_probs", "\(name)")
      #expect(read.image == [given.model.preprocessing.width, given.model.preprocessing.height], "\(name)")
      #expect(try read.metadata == given.model.description, "\(name)")
    }
    let whole = try #require(models["whole"])
    let own = try CoreMLInterpreter(CoreMLPackage(of: whole.model, whole.options)).sumOfConstants()
    let data = try Data(contentsOf: folder.url.appending(path: "whole.json"))
    #expect(abs(try JSONDecoder().decode(ReadByCoreMLTools.self, from: data).sum - own) < 1e-3 * abs(own))
  }
}

private struct ReadByCoreMLTools: Decodable {
  let version: Int
  let label, probabilities: String
  let image: [Int]
  let classes: [String]
  let metadata: [String: String]
  let sum: Double
}
