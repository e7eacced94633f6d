import Compaction
import Datasets
import Interchange
import Networks
import Testing
import Torch

@testable import Training

/// Networks of which a file keeps equal parameters once, as PyTorch's exporter does with biases that are zero.
struct SharedParametersTests {
  private let data = drawnData()

  /// A network without batch norms whose biases are all one tensor of zeros.
  private func network() throws -> Network {
    var net = NetworkBuilder(input: [1, 16, 16], seed: 0)
    var x = net.input
    for name in ["a", "b", "c"] {
      x = try net.relu(net.convolution(x, name, units: 16, kernel: [3, 3], padding: [1, 1], bias: true))
      x = try net.maxPool(x, 2)
    }
    var network = try net.finish(net.linear(net.flatten(x), "linear", units: 4))
    network.parameters["shared"] = .zeros([16])
    for index in network.nodes.indices where network.nodes[index].operation is Convolution {
      network.nodes[index].parameters[.bias] = "shared"
    }
    network.dropUnusedParameters()
    return network
  }

  @Test func `with batch norms put behind its layers, it is held out as well as it learns`() throws {
    let place = try TemporaryFolder()
    let restored = try network().restoringBatchNorm(
      on: data, sample: StatisticsSample(batches: 60, batchSize: 16), seed: 0)
    #expect(try Difference(between: network(), and: restored).relative < 1e-5)
    var trainer = Trainer(options(epochs: 3), data, model(restored, of: data), in: RunFolder(place.url))
    let trained = try trainer.train(resume: false)
    #expect(try (trained.accuracy(on: data.test, of: data).top1 ?? 0) > 80)
    #expect(Set(["a", "b", "c"].map { trained[$0]?.parameters[.bias] }).count == 3)
    // It is read again as it was written.
    let read = try Model(contentsOf: RunFolder(place.url).last).network
    #expect(try Difference(between: trained, and: read).largest == 0)
  }

  @Test func `a norm gets a name that no other node or parameter has`() throws {
    var network = try network()
    network.nodes[network.nodes.count - 1].name = "a_bn"
    network.output = "a_bn"
    network.parameters["b_bn.weight"] = network.parameters["linear.weight"]
    network.nodes[network.nodes.count - 1].parameters[.weight] = "b_bn.weight"
    let restored = try network.restoringBatchNorm(
      on: data, sample: StatisticsSample(batches: 60, batchSize: 16), seed: 0)
    #expect(try Difference(between: network, and: restored).relative < 1e-5)
  }

  @Test func `the statistics of a batch norm that is applied twice are the mean of both places`() throws {
    func measured(twice: Bool) throws -> [String: Tensor] {
      var net = NetworkBuilder(input: [1, 16, 16], seed: 0)
      let x = try net.batchNorm(net.convolution(net.input, "a", units: 8, kernel: [3, 3]), "first")
      let y = try net.batchNorm(net.convolution(net.relu(x), "b", units: 8, kernel: [3, 3]), "second")
      var network = try net.finish(net.linear(net.flatten(net.globalAveragePool(net.relu(y))), "linear", units: 4))
      let second = network.nodes.firstIndex { $0.name == "second" } ?? 0
      if twice { network.nodes[second].parameters = network["first"]?.parameters ?? [:] }
      network.dropUnusedParameters()
      return try network.averagedStatistics(
        on: data, sample: StatisticsSample(batches: 2, batchSize: 32), seed: 0)
    }
    let (one, two) = (try measured(twice: false), try measured(twice: true))
    let a = try #require(one["first.running_var"]), b = try #require(one["second.running_var"])
    let both = try #require(two["first.running_var"])
    #expect((both - (a + b) / 2).maximumMagnitude < 1e-5 * both.maximumMagnitude)
  }
}
