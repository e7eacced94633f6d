import Architectures
import Compaction
import Containers
import Foundation
import Networks
import Testing
import Torch

@testable import Interchange

/// ONNX files against the checker of `onnx`, onnxruntime and PyTorch's exporters.
@Suite struct ONNXTests {
  @Test func `every architecture, dense and compact, gives in onnxruntime what it gives here`() throws {
    let folder = try TemporaryFolder()
    var wanted: [String: Tensor] = [:]
    for (name, network) in try SampleNetworks.all() {
      for folds in [false, true] {
        let file = folds ? "\(name)-folded" : name
        let data = try ONNXFile.data(of: plainModel(network), foldingBatchNorm: folds)
        try data.write(to: folder.url.appending(path: "\(file).onnx"))
        for batch in [1, 7] {
          let images = Tensor.normal([batch] + network.inputShape, using: Generator(seed: 2))
          try Exchange.write(images, to: folder.url.appending(path: "\(file).\(batch).in"))
          wanted["\(file).\(batch)"] = try network(images)
        }
      }
    }
    try Exchange.python("run", folder.url)
    for (name, output) in wanted {
      let found = try Exchange.tensor(folder.url.appending(path: "\(name).out"), shape: output.shape)
      #expect(try relativeDifference(found, output) < 1e-4, "\(name)")
    }
  }

  @Test(
    arguments: [
      "resnet18", "mobilenet_v2", "gated", "chosen", "sloped", "upwards", "asked", "vit", "vit-fixed", "swin",
      "swin-fixed",
      "convnext",
    ],
    ["script", "export"])
  func `what PyTorch exports is read, computes the same, and comes through Thresh and back`(
    name: String, exporter: String
  ) throws {
    let folder = try Exchange.exported.get()
    let file = folder.appending(path: "\(name)-\(exporter)")
    let model = try ONNXFile.model(contentsOf: file.appendingPathExtension("onnx"))
    let batch = ["vit-fixed": 1, "swin-fixed": 2][name] ?? 3
    let images = try Exchange.tensor(file.appendingPathExtension("in"), shape: [batch] + model.network.inputShape)
    let outputs = model.classNames.count
    let wanted = try Exchange.tensor(file.appendingPathExtension("out"), shape: [batch, outputs])
    #expect(try relativeDifference(model.givenOutputs(model.network(images)), wanted) < 1e-4)
    #expect(
      try relativeDifference(model.givenOutputs(Program(model.network, .inference(batch: batch))(images)), wanted)
        < 1e-4)
    let again = try ONNXFile.model(
      of: ONNXFile.data(of: model, foldingBatchNorm: false), name: "again", folder: folder)
    #expect(try relativeDifference(again.givenOutputs(again.network(images)), wanted) < 1e-4)
  }

  /// Of two ViT blocks 2·128 units of MLPs and 2·4 heads; of Swin's 2·96 + 2·192 and 2·2 + 2·4; of ConvNeXt's 64 + 128;
  /// of the queries' decoder 64 and 2·4, and the 32 units of the patches that it looks at, since no norm ties them to
  /// anything.
  @Test(arguments: [("vit", 264), ("swin", 588), ("convnext", 192), ("asked", 104)], ["script", "export"])
  func `units of MLPs and whole heads of what PyTorch exports may go`(
    given: (name: String, count: Int), exporter: String
  ) throws {
    let file = try Exchange.exported.get().appending(path: "\(given.name)-\(exporter).onnx")
    let network = try ONNXFile.model(contentsOf: file).network
    let coupling = try network.channelCoupling()
    let units = Set(coupling.axes.filter { $0.role == .unit && $0.axis == 0 }.flatMap(\.channels))
    #expect(units.subtracting(coupling.frozen).count == given.count)
  }

  @Test(arguments: ["vit", "swin", "convnext", "asked"])
  func `attention gives in onnxruntime what it gives here, for one image and for several`(name: String) throws {
    let folder = try TemporaryFolder()
    var wanted: [String: Tensor] = [:]
    for exporter in ["script", "export"] {
      let file = try Exchange.exported.get().appending(path: "\(name)-\(exporter).onnx")
      let model = try ONNXFile.model(contentsOf: file)
      try ONNXFile.data(of: model, foldingBatchNorm: false)
        .write(to: folder.url.appending(path: "\(exporter).onnx"))
      for batch in [1, 7] {
        let images = Tensor.normal([batch] + model.network.inputShape, using: Generator(seed: 2))
        try Exchange.write(images, to: folder.url.appending(path: "\(exporter).\(batch).in"))
        wanted["\(exporter).\(batch)"] = try model.network(images)
      }
    }
    try Exchange.python("run", folder.url)
    for (file, output) in wanted {
      let found = try Exchange.tensor(folder.url.appending(path: "\(file).out"), shape: output.shape)
      #expect(try relativeDifference(found, output) < 1e-4, "\(file)")
    }
  }

  @Test(arguments: ["keras", "keras-rescaled"])
  func `images with their channels last are taken with their channels first`(name: String) throws {
    let file = try Exchange.exported.get().appending(path: name)
    let model = try ONNXFile.model(contentsOf: file.appendingPathExtension("onnx"))
    #expect(model.network.inputShape == [3, 32, 32])
    let images = try Exchange.tensor(file.appendingPathExtension("in"), shape: [3, 3, 32, 32])
    let wanted = try Exchange.tensor(file.appendingPathExtension("out"), shape: [3, 5])
    #expect(try relativeDifference(model.network(images), wanted) < 1e-4)
    let again = try ONNXFile.model(
      of: ONNXFile.data(of: model, foldingBatchNorm: false), name: "again", folder: file)
    #expect(again.network.inputShape == [3, 32, 32])
    #expect(try relativeDifference(again.network(images), wanted) < 1e-4)
  }

  @Test func `layers of PyTorch keep their names`() throws {
    let folder = try Exchange.exported.get()
    for exporter in ["script", "export"] {
      let network = try ONNXFile.model(contentsOf: folder.appending(path: "resnet18-\(exporter).onnx")).network
      let names = Set(network.matrixLayers.map(\.name))
      #expect(names.isSuperset(of: ["conv1", "layer1.0.conv1", "layer4.1.conv2", "fc"]), "\(exporter): \(names)")
    }
  }

  @Test(arguments: [
    "resnet18-script", "mobilenet_v2-export", "gated-script", "sloped-export", "vit-script", "swin-export",
  ])
  func `what comes in can be compressed`(name: String) throws {
    let folder = try Exchange.exported.get()
    let network = try ONNXFile.model(contentsOf: folder.appending(path: "\(name).onnx")).network
    let compacted = try Compressor(PlanSettings(target: .parameters(0.8), units: .weakest)).compact(network)
    #expect(throws: Never.self) {
      try EqualityProof(reference: compacted.truncated, candidate: compacted.network)
    }
    #expect(try compacted.network.cost().parameters <= Int(0.8 * Double(network.cost().parameters)))
  }

  @Test(arguments: Decomposition.allCases, [false, true])
  func `factors come back as factors of their layer`(decomposition: Decomposition, folds: Bool) throws {
    let network = SampleNetworks.withRandomBatchNorm(
      try .cifarResNet(blocks: 1, input: [3, 16, 16], classes: 5, seed: 1))
    let layer = network.layer(named: "layer2.0.conv1")
    let factors = try Factorization(network.matrix(of: layer), as: decomposition, shape: layer.shape, rank: 5)
    let small = try network.factorizing(layer, factors)
    let back = try ONNXFile.model(
      of: ONNXFile.data(of: plainModel(small), foldingBatchNorm: folds), name: "x", folder: URL(filePath: ".")
    ).network
    #expect(back.layer(named: layer.name).decomposition == decomposition)
    #expect(back.layer(named: layer.name).nodes == small.layer(named: layer.name).nodes)
    #expect(back.layer(named: layer.name).shape == layer.shape)
    let images = Tensor.normal([2] + network.inputShape, using: Generator(seed: 2))
    #expect(try relativeDifference(back(images), small(images)) < 1e-5)
    let source = try PyTorchModule(small, weights: "w.safetensors").source
    #expect(source.contains("self.add(\"\(layer.name)\", nn.Sequential(nn.Conv2d("))
    #expect(!source.contains("\(layer.name).0"))
  }

  @Test func `what describes a model goes through an ONNX file`() throws {
    let model = try sampleModel()
    let back = try ONNXFile.model(
      of: ONNXFile.data(of: model, foldingBatchNorm: false), name: "x.onnx", folder: URL(filePath: "."))
    #expect(back.classNames == model.classNames && back.preprocessing == model.preprocessing)
    #expect(back.figures == model.figures && back.recipe == model.recipe && back.plan == model.plan)
    #expect(back.network.nodes.map(\.name) == model.network.nodes.map(\.name))
    #expect(Set(back.network.parameterNames) == Set(model.network.parameterNames))
  }

  @Test func `folding batch norm changes nothing and leaves none behind a layer`() throws {
    let network = SampleNetworks.withRandomBatchNorm(
      try Catalogue.resnet20.network(input: [3, 32, 32], classes: 10, seed: 1))
    let folded = try network.foldingBatchNorm()
    #expect(!folded.nodes.contains { $0.operation is BatchNorm })
    #expect(try Difference(between: network, and: folded).relative < 1e-6)
  }

  @Test func `a batch norm behind a layer that something else reads stays`() throws {
    var net = NetworkBuilder(input: [1, 4, 4], seed: 0)
    let x = try net.convolution(net.input, "conv", units: 2, kernel: [3, 3], padding: [1, 1])
    let y = try net.add(x, net.batchNorm(x, "bn"))
    let network = SampleNetworks.withRandomBatchNorm(try net.finish(net.flatten(net.globalAveragePool(y))))
    let folded = try network.foldingBatchNorm()
    #expect(folded.nodes.contains { $0.operation is BatchNorm })
    #expect(try Difference(between: network, and: folded).relative < 1e-6)
  }
}
