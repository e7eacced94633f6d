import Architectures
import Containers
import Foundation
import Networks
import Testing
import Torch

@testable import Interchange

/// What packages for Core ML compute, by an interpreter of their bytes, against the network.
@Suite struct CoreMLTests {
  /// A model whose channels are normalised differently.
  static func model(_ network: Network) throws -> Model {
    var model = try plainModel(network)
    let channels = network.inputShape[0]
    model.preprocessing.mean = Array([0.485, 0.456, 0.406].prefix(channels))
    model.preprocessing.std = Array([0.229, 0.224, 0.225].prefix(channels))
    return model
  }

  /// An image of whole numbers from 0 to 255.
  private func image(_ shape: [Int]) -> Tensor {
    var noise = Noise(seed: 3)
    return Tensor((0..<shape.reduce(1, *)).map { _ in Float(noise.next() % 256) }, shape: [1] + shape)
  }

  /// The largest difference of logits by the largest logit.
  private func difference(_ model: Model, _ options: CoreMLOptions, _ image: Tensor) throws -> Double {
    let found = try CoreMLInterpreter(CoreMLPackage(of: model, options))(image)
    let logits = try model.network(model.preprocessing.normalized(image))
    let shares = model.probabilities(found.logits).doubles
    #expect(zip(model.classNames, shares).allSatisfy { abs((found.probabilities[$0] ?? 2) - $1) < 1e-5 })
    #expect(zip(model.classNames, shares).max { $0.1 < $1.1 }?.0 == found.label)
    return try relativeDifference(found.logits, logits)
  }

  @Test func `every architecture, dense and compact, computes what the network computes on the normalised image`()
    throws
  {
    for (name, network) in try SampleNetworks.all() {
      let (model, image) = (try Self.model(network), image(network.inputShape))
      #expect(try difference(model, CoreMLOptions(precision: .float32), image) < 1e-5, "\(name)")
      // Rounded to 11 bits behind every operation.
      #expect(try difference(model, CoreMLOptions(), image) < 5e-3, "\(name)")
    }
  }

  @Test func `other architectures of the catalogue, one of each family, are written`() throws {
    let others: [Catalogue] = [
      .dec8Wide, .resnet32, .resnet44, .resnet56, .resnet34, .resnet50Decomposed, .wideResNet50, .resNeXt50, .vgg11,
      .mobileNetV2, .mobileNetV3Small, .mnasNet, .squeezeNet, .shuffleNetV2, .efficientNetB0, .regNetY400MF,
      .denseNet121, .convNeXtTiny, .deitTiny, .swinTiny,
    ]
    for architecture in others {
      let network = try architecture.network(input: [3, 64, 64], classes: 10, seed: 1).thinned(to: 0.125)
      let model = try Self.model(SampleNetworks.withRandomBatchNorm(network))
      let image = image(network.inputShape)
      #expect(try difference(model, CoreMLOptions(precision: .float32), image) < 1e-5, "\(architecture)")
    }
  }

  @Test func `every kind of operation is written, and computes what PyTorch computes`() throws {
    let graphs = try OperatorGraphs.written.get()
    var kinds: Set<String> = [Dropout.kind]
    for given in graphs.cases.read {
      do {
        let (model, images) = (try graphs.model(given.name), try graphs.images(given.name))
        let wanted = try graphs.wanted(given)
        kinds.formUnion(model.network.nodes.map { type(of: $0.operation).kind })
        guard !model.classNames.isEmpty, !model.network.nodes.contains(where: { $0.operation is Quantize }) else {
          #expect(throws: ContainerError.self, "\(given.name)") { try CoreMLPackage(of: model) }
          continue
        }
        let interpreter = try CoreMLInterpreter(CoreMLPackage(of: model, CoreMLOptions(precision: .float32)))
        let logits = try (0..<2).map { index in
          let image = images.slice(axis: 0, from: index, to: index + 1)
          return try interpreter(model.preprocessing.pixels(of: image)).logits
        }
        let found = model.givenOutputs(.concatenated(logits, axis: 0))
        #expect(try relativeDifference(found, wanted) < 1e-5, "\(given.name)")
      } catch {
        Issue.record("\(given.name): \(error)")
      }
    }
    for kind in OperationRegistry.operations {
      #expect(kind is any CoreMLExportable.Type, "\(kind.kind): add \(kind)+CoreML.swift to Interchange/Operations")
      #expect(kinds.contains(kind.kind), "\(kind.kind): add a graph with it to Tests/Interop/operators.py")
    }
  }

  @Test(
    arguments: ["resnet18", "mobilenet_v2", "gated", "chosen", "sloped", "vit", "swin", "convnext"],
    ["script", "export"])
  func `what PyTorch exports goes out for Core ML and computes the same`(name: String, exporter: String) throws {
    let file = try Exchange.exported.get().appending(path: "\(name)-\(exporter).onnx")
    let model = try ONNXFile.model(contentsOf: file)
    let image = image(model.network.inputShape)
    #expect(try difference(model, CoreMLOptions(precision: .float32), image) < 1e-5)
    #expect(try difference(model, CoreMLOptions(), image) < 5e-3)
  }

  @Test func `weights of int8 halve the file and change the outputs little`() throws {
    let network = try Catalogue.resnet20.network(input: [3, 32, 32], classes: 10, seed: 1)
    let model = try Self.model(SampleNetworks.withRandomBatchNorm(network))
    let image = image(network.inputShape)
    func size(_ options: CoreMLOptions) throws -> Int {
      try CoreMLPackage(of: model, options).files.values.map(\.count).reduce(0, +)
    }
    for precision in CoreMLOptions.Precision.allCases {
      #expect(try difference(model, CoreMLOptions(precision: precision, int8Weights: true), image) < 5e-2)
    }
    #expect(try size(CoreMLOptions(int8Weights: true)) * 10 < size(CoreMLOptions()) * 7)
  }

  @Test func `no int8 weight is further from its own than half a step, and units of zeros stay zero`() throws {
    let rows = Tensor.normal([4, 600], using: Generator(seed: 1)) * Tensor([1, 1e-3, 0, 1e-9], shape: [4, 1])
    for type in [Tensor.DType.float16, .float32] {
      let weights = Int8Weights(rows, scales: type)
      let scales = weights.scales.to(.float32).reshaped([4, 1])
      let numbers = Tensor(weights.numbers.map { Float(Int8(bitPattern: $0)) }, shape: [4, 600])
      // The scale itself was rounded, which the largest weight of a unit may notice.
      let steps = ((numbers * scales - rows) / scales).magnitude.max(axes: [0, 1]).item
      #expect(steps <= (type == .float16 ? 0.57 : 0.501))
      #expect(numbers.slice(axis: 0, from: 2, to: 3).maximumMagnitude == 0)
    }
  }
}

extension Preprocessing {
  private var column: [Int] { [1, channels, 1, 1] }

  /// What a network reads of pixels of 0…255.
  func normalized(_ pixels: Tensor) -> Tensor {
    (pixels / 255 - Tensor(mean, shape: column)) / Tensor(std, shape: column)
  }

  /// The pixels of which that is read.
  func pixels(of normalized: Tensor) -> Tensor {
    (normalized * Tensor(std, shape: column) + Tensor(mean, shape: column)) * 255
  }
}
