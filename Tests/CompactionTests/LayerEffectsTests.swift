import Networks
import Testing
import Torch

@testable import Compaction

@Suite struct LayerEffectsTests {
  /// Two branches that are added, the second scaled by `share`: what is lost in it matters as much less.
  private func network(share: Double) throws -> Network {
    var net = NetworkBuilder(input: [3, 8, 8], seed: 3)
    let stem = try net.relu(net.batchNorm(net.convolution(net.input, "stem", units: 12, kernel: [3, 3]), "stem_bn"))
    func branch(_ name: String) throws -> String {
      try net.batchNorm(net.convolution(stem, name, units: 12, kernel: [3, 3]), "\(name)_bn")
    }
    let sum = try net.add(branch("loud"), branch("quiet"))
    let pooled = try net.globalAveragePool(net.relu(sum))
    var network = try net.finish(net.linear(net.flatten(pooled), "out", units: 5))
    for role in ["weight", "bias"] {
      network.parameters["quiet_bn.\(role)"] = network.parameters["quiet_bn.\(role)"].map { $0 * share }
    }
    return network
  }

  private func compressor(_ network: Network) throws -> Compressor {
    var compressor = Compressor(PlanSettings(target: .macs(0.6), allocator: .global, decompositions: .any))
    let batches = (0..<4).map { Tensor.normal([16, 3, 8, 8], using: Generator(seed: UInt64(30 + $0))) }
    var collector = try MomentCollector(network)
    for batch in batches { collector.add(batch) }
    compressor.moments = collector.moments
    var (announced, told) = (0, 0)
    compressor = try compressor.weighing(network, on: batches, begin: { announced = $0 }, advance: { told += 1 })
    #expect(announced == 2 && told == 2)
    return compressor
  }

  @Test func `a layer whose loss does little to the outputs counts little`() throws {
    let network = try network(share: 0.1)
    let weights = try #require(try compressor(network).effects).weights
    let (loud, quiet) = (try #require(weights["loud"]), try #require(weights["quiet"]))
    #expect(quiet < 0.1 * loud)
    // Geometrically they are 1 on average.
    #expect(abs(loud * quiet - 1) < 1e-6)
  }

  @Test func `a plan takes more from that layer, and as much in all`() throws {
    let network = try network(share: 0.1)
    let weighed = try compressor(network)
    var alike = weighed
    alike.effects = nil
    func energies(_ compressor: Compressor) throws -> (loud: Double, quiet: Double) {
      let plan = try compressor.plan(for: network)
      #expect(Double(plan.predicted.macs) <= 0.6 * Double(plan.original.macs))
      let energy = Dictionary(uniqueKeysWithValues: plan.layers.map { ($0.name, $0.energy) })
      return (energy["loud"] ?? 0, energy["quiet"] ?? 0)
    }
    let (before, after) = (try energies(alike), try energies(weighed))
    #expect(after.loud > before.loud && after.quiet < before.quiet)
  }

  @Test func `nothing is weighed where no activations are known`() throws {
    let network = try network(share: 1)
    let compressor = try Compressor(PlanSettings(target: .macs(0.6))).weighing(
      network, on: [], begin: { _ in }, advance: {})
    #expect(compressor.effects == nil)
  }
}
