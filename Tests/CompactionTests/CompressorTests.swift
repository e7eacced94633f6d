import Architectures
@testable import Compaction
import Networks
import Testing
import Torch

@Suite struct CompressorTests {
  /// A dec3 with low ranks and removable units, as after a training for compression.
  private func trained() throws -> Network {
    var network = try Network.dec3(input: [1, 16, 16], classes: 5, units: [16, 24, 32], seed: 1).withRandomBatchNorm()
    try network.cutRank(of: "block2.conv_v", to: 5)
    try network.cutRank(of: "block3.conv_h", to: 6)
    network.zero("block2.conv_h", "block2.bn_h", [0, 11, 23])
    network.zero("block3.conv_h", "block3.bn_h", [4, 9])
    return network
  }

  private func compact(_ network: Network, _ goal: Target, skip: [String]? = nil) throws -> Compacted {
    try Compressor(PlanSettings(target: goal), skip: skip).compact(network)
  }

  private func layer(_ compacted: Compacted, _ name: String) -> Plan.Layer? {
    compacted.plan.layers.first { $0.name == name }
  }

  @Test func `what is won in training is cut without changing anything`() throws {
    let network = try trained()
    let compacted = try compact(network, .energy(1))
    #expect(layer(compacted, "block2.conv_v")?.form == .lowRank(rank: 5))
    #expect(layer(compacted, "block3.conv_h")?.form == .lowRank(rank: 6))
    #expect(!compacted.plan.isLossy)
    #expect(try largestDifference(network, compacted.network) < 1e-5)
    #expect(throws: Never.self) { _ = try EqualityProof(reference: network, candidate: compacted.network) }
  }

  @Test(arguments: [Target.energy(1), .energy(0.8), .parameters(0.3), .macs(0.3)])
  func `the compact network costs what the plan predicts`(goal: Target) throws {
    let compacted = try compact(trained(), goal)
    #expect(try compacted.network.cost() == compacted.plan.predicted)
  }

  @Test func `the plan tells units before and after`() throws {
    let layer = try #require(try compact(trained(), .energy(1)).plan.layers.first { $0.name == "block2.conv_h" })
    #expect(layer.unitsBefore == 24 && layer.units == 21)
  }

  @Test(arguments: [0.5, 0.8, 0.95])
  func `errors are those predicted`(energy: Double) throws {
    let network = try trained()
    let compacted = try compact(network, .energy(energy))
    let removable = try RemovableChannels(in: network)
    let narrow = try network.narrowed(removing: removable.channels, removable.coupling)
    var factorized = 0
    for (entry, layer) in zip(compacted.plan.layers, narrow.matrixLayers) {
      guard let rank = entry.form.rank else { continue }
      factorized += 1
      let pair = try #require(compacted.network.matrixLayers.first { $0.name == entry.name })
      #expect(pair.isFactorized && compacted.network.parameters["\(entry.name).0.weight"]?.shape[0] == rank)
      let error = (compacted.network.matrix(of: pair) - narrow.matrix(of: layer)).norm
      #expect(abs(error - entry.error) <= 1e-5 * entry.norm)
    }
    #expect(factorized >= 2)
  }

  @Test(arguments: [0.5, 0.9])
  func `a lossy plan equals the given network with the same information thrown away`(energy: Double) throws {
    let network = try trained()
    let compacted = try compact(network, .energy(energy))
    #expect(throws: Never.self) { _ = try EqualityProof(reference: compacted.truncated, candidate: compacted.network) }
    #expect(compacted.truncated.parameters.mapValues(\.shape) == network.parameters.mapValues(\.shape))
  }

  @Test func `a lossy plan does not equal the given network`() throws {
    let network = try trained()
    let compacted = try compact(network, .energy(0.5))
    #expect(throws: CompactionError.self) { _ = try EqualityProof(reference: network, candidate: compacted.network) }
  }

  @Test func `constants that fold and ranks that are cut go together`() throws {
    var net = NetworkBuilder(input: [2, 8, 8], seed: 4)
    let x = try net.relu(net.batchNorm(net.convolution(net.input, "a", units: 12, kernel: [3, 3]), "na"))
    let y = try net.relu(net.batchNorm(net.convolution(x, "b", units: 16, kernel: [3, 3]), "nb"))
    var network = try net.finish(net.linear(net.flatten(net.globalAveragePool(y)), "out", units: 3))
      .withRandomBatchNorm()
    network.set("na.weight", [1, 5], to: 0)
    network.set("na.bias", [1, 5], to: 0.9)
    let compacted = try compact(network, .energy(0.6), skip: [])
    #expect(compacted.network.parameters["b.0.weight"]?.shape.dropFirst().first == 10)
    #expect(throws: Never.self) { _ = try EqualityProof(reference: compacted.truncated, candidate: compacted.network) }
  }

  @Test(arguments: [Catalogue.lenet5, .resnet20])
  func `other architectures are compacted and proved as well`(name: Catalogue) throws {
    let network = try name.network(input: name.usual.shape, classes: 10, seed: 3).withRandomBatchNorm()
    let compacted = try compact(network, .parameters(0.5))
    #expect(throws: Never.self) { _ = try EqualityProof(reference: compacted.truncated, candidate: compacted.network) }
    #expect(try 2 * compacted.network.cost().parameters <= network.cost().parameters)
  }

  @Test func `a compact network can be compacted again`() throws {
    let network = try trained()
    let once = try compact(network, .energy(0.95)).network
    let twice = try compact(once, .energy(0.7))
    #expect(try twice.network.cost().parameters < once.cost().parameters)
    #expect(throws: Never.self) { _ = try EqualityProof(reference: twice.truncated, candidate: twice.network) }
    #expect(!twice.network.nodes.contains { $0.name.hasSuffix(".0.0") || $0.name.hasSuffix(".1.0") })
    #expect(try twice.network.cost() == twice.plan.predicted)
  }

  @Test func `compacting again without loss changes nothing more`() throws {
    let once = try compact(trained(), .energy(1)).network
    let twice = try compact(once, .energy(1)).network
    #expect(twice.parameters.mapValues(\.shape) == once.parameters.mapValues(\.shape))
    #expect(try largestDifference(once, twice) < 1e-6)
  }

  @Test func `removable components of a pair go`() throws {
    var once = try compact(trained(), .energy(1)).network
    once.set("block2.conv_v.0.weight", [4], to: 0)
    let twice = try compact(once, .energy(1))
    #expect(twice.network.parameters["block2.conv_v.0.weight"]?.shape[0] == 4)
    #expect(throws: Never.self) { _ = try EqualityProof(reference: once, candidate: twice.network) }
    let lossy = try compact(once, .energy(0.6))
    #expect(throws: Never.self) { _ = try EqualityProof(reference: lossy.truncated, candidate: lossy.network) }
  }

  @Test func `layers are left out by name, or the first and the last`() throws {
    let usual = try compact(trained(), .energy(0.5))
    #expect(layer(usual, "block1.conv_v")?.reason == .leftOut)
    #expect(layer(usual, "linear")?.reason == .leftOut)
    let named = try compact(trained(), .energy(0.5), skip: ["block3.*"])
    #expect(layer(named, "block3.conv_v")?.reason == .leftOut)
    #expect(layer(named, "linear")?.reason != .leftOut)
  }

  @Test func `the given network stays what it was`() throws {
    let network = try trained()
    let before = network.parameters.mapValues(\.doubles)
    _ = try compact(network, .energy(0.5))
    #expect(network.parameters.mapValues(\.doubles) == before)
  }
}

@Suite struct EqualityProofTests {
  private func network() throws -> Network {
    try Network.dec3(input: [1, 16, 16], classes: 5, units: [8, 8, 8], seed: 1).withRandomBatchNorm()
  }

  @Test func `a network equals itself`() throws {
    let proof = try EqualityProof(reference: network(), candidate: network())
    #expect(proof.largestDifference == 0 && proof.largestValue > 0 && proof.holds)
  }

  @Test(arguments: ["block2.conv_h.weight", "linear.weight", "linear.bias", "block3.bn_h.running_mean"])
  func `one number that is off by 0.01 is noticed`(name: String) throws {
    var corrupted = try network()
    let tensor = try #require(corrupted.parameters[name])
    let values = tensor.doubles.enumerated().map { $0.offset == 1 ? $0.element + 0.01 : $0.element }
    corrupted.parameters[name] = Tensor(values, shape: tensor.shape).to(.float32)
    #expect(throws: CompactionError.self) { _ = try EqualityProof(reference: network(), candidate: corrupted) }
  }

  @Test func `a network with a constant output proves nothing`() throws {
    var collapsed = try network()
    collapsed.set("linear.weight", Array(0..<5), to: 0)
    let text = message { _ = try EqualityProof(reference: collapsed, candidate: collapsed) }
    #expect(text.contains("same output for every image"))
  }

  @Test func `values that are not finite prove nothing`() throws {
    var broken = try network()
    broken.set("linear.bias", [0], to: .nan)
    #expect(throws: CompactionError.self) { _ = try EqualityProof(reference: broken, candidate: broken) }
    #expect(throws: CompactionError.self) { _ = try EqualityProof(reference: network(), candidate: broken) }
  }

  @Test func `another number of outputs is an error`() throws {
    let other = try Network.dec3(input: [1, 16, 16], classes: 4, units: [8, 8, 8], seed: 1)
    #expect(throws: CompactionError.self) { _ = try EqualityProof(reference: network(), candidate: other) }
  }
}
