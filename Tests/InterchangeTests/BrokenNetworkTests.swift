import Architectures
import Compaction
import Containers
import Foundation
import Interchange
import Networks
import Testing
import Torch

/// Networks that can be read and say nothing: each is refused for what is wrong with it.
@Suite struct BrokenNetworkTests {
  private func network(_ input: [Int] = [3, 16, 16]) throws -> Network {
    try .dec3(input: input, classes: 4, units: [4, 4, 4], seed: 1)
  }

  /// The model of an ONNX file of the network, as another program may have written it.
  private func read(_ network: Network) throws -> Model {
    let data = try ONNXFile.data(of: plainModel(network), foldingBatchNorm: false)
    return try ONNXFile.model(of: data, name: "x.onnx", folder: URL(filePath: "/nonexistent"))
  }

  @Test(arguments: [2, 4, 5]) func `images of another number of channels than 1 and 3 are named`(channels: Int) throws {
    let said = message { _ = try read(network([channels, 16, 16])) }
    #expect(said.contains("reads images of \(channels) channels, expected 1 (grey) or 3"), "\(said)")
  }

  @Test(arguments: [Float.nan, .infinity]) func `a weight that is not finite is named`(value: Float) throws {
    var network = try network()
    network.parameters["linear.bias"] = Tensor([0, value, 0, 0], shape: [4])
    let folder = try TemporaryFolder()
    let file = folder.url.appending(path: "x.safetensors")
    try plainModel(network).write(to: file)
    let said = message { _ = try Model(contentsOf: file) }
    #expect(said.contains("x.safetensors cannot be used: linear.bias holds numbers that are not finite"), "\(said)")
    let loaded = message { _ = try self.network().loading(network.parameters, from: "weights.pth") }
    #expect(loaded.contains("weights.pth cannot be used: linear.bias"), "\(loaded)")
  }

  @Test func `a network of zeros says where its outputs stop to depend on the image`() throws {
    var network = try network()
    network.parameters = network.parameters.mapValues { .zeros($0.shape) }
    let exported = message { _ = try read(network) }
    #expect(exported.contains("same output for every image (block1.conv_v is the first"), "\(exported)")
    let proved = message { _ = try EqualityProof(reference: network, candidate: network) }
    #expect(proved.contains("same output for every image (block1.conv_v is the first"), "\(proved)")
  }

  @Test func `values that overflow say where`() throws {
    var network = try network()
    network.parameters["block2.bn_h.running_var"] = .ones([4]) * -1
    let said = message { _ = try EqualityProof(reference: network, candidate: network) }
    #expect(said.contains("values that are not finite (block2.bn_h is the first"), "\(said)")
  }

  @Test func `equal biases that a file keeps once are read as one for each layer`() throws {
    var net = NetworkBuilder(input: [3, 8, 8], seed: 0)
    let x = try net.convolution(net.input, "a", units: 4, kernel: [3, 3], bias: true)
    let y = try net.convolution(x, "b", units: 4, kernel: [3, 3], bias: true)
    var network = try net.finish(net.linear(net.flatten(y), "fc", units: 3))
    network.parameters["a.bias"] = .zeros([4])
    network.nodes[1].parameters[.bias] = "a.bias"
    network.dropUnusedParameters()
    let model = try read(network)
    #expect(model.network["a"]?.parameters[.bias] != model.network["b"]?.parameters[.bias])
    #expect(try Difference(between: network, and: model.network).largest == 0)
  }
}
