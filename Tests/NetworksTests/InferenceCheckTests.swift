import Architectures
import Networks
import Testing
import Torch

/// The first batch of an evaluation is compared with what the nodes give one by one.
@Suite struct InferenceCheckTests {
  private let images = Tensor.normal([4, 3, 16, 16], using: Generator(seed: 1))

  private func network() throws -> Network { try .dec3(input: [3, 16, 16], classes: 5, units: [8, 8, 8], seed: 0) }

  @Test func `what a network in use gives is let through`() throws {
    let network = try network()
    try InferenceCheck(network)(images, gave: Program(network, .inference(batch: 4))(images))
  }

  @Test func `outputs of a network that is not the same are an error that asks for a report`() throws {
    var network = try network()
    let outputs = try Program(network, .inference(batch: 4))(images)
    network.parameters["linear.bias"] = .ones([5]) * 0.5
    let said = message { try InferenceCheck(network)(images, gave: outputs) }
    #expect(said.contains("differs from the network run node by node") && said.contains("please report this network"))
  }

  @Test func `numbers that are none on both sides are the same, on one side they are not`() throws {
    var network = try network()
    let outputs = try network(images)
    network.parameters["linear.bias"] = Tensor([.nan, 0, 0, 0, 0] as [Float], shape: [5])
    #expect(throws: InferenceMismatch.self) { try InferenceCheck(self.network())(images, gave: network(images)) }
    try InferenceCheck(network)(images, gave: Program(network, .inference(batch: 1))(images))
    #expect(outputs.maximumMagnitude.isFinite)
  }

  @Test(arguments: [1e-20, 1e18]) func `it does not depend on how large the outputs are`(factor: Double) throws {
    var network = try network()
    network.parameters["linear.weight"] = network.parameters["linear.weight"].map { $0 * factor }
    network.parameters["linear.bias"] = network.parameters["linear.bias"].map { $0 * factor }
    try InferenceCheck(network)(images, gave: Program(network, .inference(batch: 1))(images))
    let outputs = try Program(network, .inference(batch: 1))(images)
    network.parameters["linear.weight"] = network.parameters["linear.weight"].map { $0 * 1.1 }
    #expect(throws: InferenceMismatch.self) { try InferenceCheck(network)(images, gave: outputs) }
  }

  @Test func `rounding that cancels is no difference`() throws {
    // Numbers around a million of which differences below one decide.
    var net = NetworkBuilder(input: [3, 16, 16], seed: 0)
    let x = try net.batchNorm(net.convolution(net.input, "conv", units: 4, kernel: [3, 3], bias: true), "norm")
    var network = try net.finish(net.linear(net.flatten(x), "fc", units: 3))
    network.parameters["conv.bias"] = .ones([4]) * 1e7
    network.parameters["norm.running_mean"] = .ones([4]) * 1e7
    try InferenceCheck(network)(images, gave: Program(network, .inference(batch: 1))(images))
  }

  @Test func `few images of a set are looked at`() {
    #expect([1, 100, 10_000, 1_000_000].map(InferenceCheck.images) == [2, 2, 16, 16])
  }
}
