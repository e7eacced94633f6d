import Architectures
import Compaction
import Foundation
import Networks
import Testing
import Torch

@testable import Interchange

/// Networks in 8 bits as ONNX files with QuantizeLinear and DequantizeLinear.
@Suite struct QuantizedONNXTests {
  private func model(_ element: QuantizationGrid.Element, weightBits: Int? = nil) throws -> Model {
    let network = try Catalogue.resnet20.network(input: [3, 16, 16], classes: 5, seed: 2)
    var settings = QuantizationSettings()
    (settings.activations, settings.weightBits) = (element, weightBits)
    var quantizer = try Quantizer(network, settings)
    for pass in [Quantizer.Pass.ranges, .counts] { quantizer.add(images(32, seed: 1), pass) }
    return try plainModel(quantizer.network(by: .squaredError))
  }

  private func images(_ count: Int, seed: UInt64) -> Tensor {
    Tensor.normal([count, 3, 16, 16], using: Generator(seed: seed))
  }

  private func back(_ data: Data) throws -> Network {
    try ONNXFile.model(of: data, name: "q.onnx", folder: URL(filePath: ".")).network
  }

  @Test(arguments: QuantizationGrid.Element.allCases)
  func `what is written is read back as it was, weights as whole numbers`(_ element: QuantizationGrid.Element) throws {
    let model = try model(element)
    let data = try ONNXFile.data(of: model, foldingBatchNorm: false)
    let network = try back(data)
    #expect(try Difference(between: model.network, and: network).largest == 0)
    #expect(
      network.nodes.map { type(of: $0.operation).kind } == model.network.nodes.map { type(of: $0.operation).kind })
    #expect(network.nodes.filter { $0.parameters[.weightScale] != nil }.count == 20)
    let whole = try ONNXFile.data(of: plainModel(model.network), foldingBatchNorm: false)
    // A byte for each weight, and what nodes and scales take.
    #expect(whole.count < 2 * (try model.network.cost().parameters))
  }

  @Test(arguments: QuantizationGrid.Element.allCases)
  func `onnxruntime computes the same but for single roundings`(_ element: QuantizationGrid.Element) throws {
    // Of 8 bits, sums of two products overflow on processors without VNNI.
    let model = try model(element, weightBits: 7)
    let folder = FileManager.default.temporaryDirectory.appending(path: "thresh-int8-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try ONNXFile.data(of: model, foldingBatchNorm: false).write(to: folder.appending(path: "q.onnx"))
    let x = images(16, seed: 8)
    try Exchange.write(x, to: folder.appending(path: "q.16.in"))
    try Exchange.python("run", folder)
    let theirs = try Exchange.tensor(folder.appending(path: "q.16.out"), shape: [16, 5])
    let own = try model.network(x)
    // All roundings together move outputs by some hundredths; that one falls to the other side is a small part of it.
    #expect(try relativeDifference(theirs, own) < 0.02)
  }

  @Test func `tokens go through matrix products with transposed weights of 8 bits`() throws {
    var net = NetworkBuilder(input: [3, 4, 6], seed: 0)
    var x = try net.linear(net.input, "first", units: 8)
    x = try net.relu(x)
    x = try net.append(
      Linear(), "second", reading: [x], parameters: [.weight: .normal([5, 8], using: Generator(seed: 3))])
    x = try net.append(Flatten(), "flat", reading: [x])
    let network = try net.finish(net.linear(x, "head", units: 4))
    var quantizer = try Quantizer(network, QuantizationSettings())
    for pass in [Quantizer.Pass.ranges, .counts] {
      quantizer.add(Tensor.normal([8, 3, 4, 6], using: Generator(seed: 1)), pass)
    }
    let model = try plainModel(quantizer.network(by: .minMax))
    let read = try back(ONNXFile.data(of: model, foldingBatchNorm: false))
    #expect(try Difference(between: model.network, and: read).relative < 1e-6)
    #expect(read.nodes.filter { $0.parameters[.weightScale] != nil }.count == 3)
  }

  @Test func `a scale of zero, as a damaged model file may have it, is one sentence`() throws {
    var model = try model(.int8)
    model.network.set(.weightScale, of: "conv1", to: .zeros([16]))
    let sentence = message { _ = try ONNXFile.data(of: model, foldingBatchNorm: false) }
    #expect(sentence.contains("not above 0"), "\(sentence)")
  }

  @Test func `as PyTorch it is written with PyTorch's own rounding`() throws {
    let model = try model(.int8)
    let module = try PyTorchModule(model.network, weights: "q.safetensors", model.interface)
    #expect(module.source.contains("fake_quantize_per_tensor_affine"))
  }
}
