import Architectures
@testable import Compaction
import Networks
import Testing
import Torch

@Suite struct ProximalStepTests {
  private func network() throws -> Network {
    var network = try Network.dec3(input: [1, 16, 16], classes: 4, units: [8, 12, 16], seed: 1).withRandomBatchNorm()
    // Units of different strength, so that some die and some do not.
    for (name, tensor) in network.parameters where tensor.shape.count == 4 || name.contains(".bn") {
      let strengths = Tensor.uniform([tensor.shape[0]], in: 0.2...2, using: Generator(seed: 9))
      network.parameters[name] = tensor * strengths.reshaped([-1] + tensor.shape.dropFirst().map { _ in 1 })
    }
    return network
  }

  private func after(_ step: ProximalStep, _ network: Network) -> Network {
    var result = network
    result.parameters.merge(step.changed) { $1 }
    return result
  }

  /// A step after which ranks are low and units are dead.
  private func joint(_ order: Regularizer.Order, restoresNorm: Bool = false) -> Regularizer {
    Regularizer(nuclear: 1, group: 0.5, order: order, skip: [], restoresNorm: restoresNorm)
  }

  @Test(arguments: Regularizer.Order.allCases)
  func `both orders of the joint step keep a low rank and zero units`(order: Regularizer.Order) throws {
    let network = try network()
    let regularization = try Regularization(joint(order), on: network)
    let step = try ProximalStep(regularization, on: network.parameters, t: 0.7)
    let weight = try #require(step.changed["block3.conv_h.weight"]).to(.float64)
    let norms = rows(of: weight).0.norms(["w": weight])
    let alive = norms.filter { $0 > 0 }.count
    let rank = try Spectrum(of: weight.unfolded).rank
    #expect((1..<16).contains(alive))
    #expect((1..<alive).contains(rank))
  }

  @Test func `a step is the same on one thread and on two`() throws {
    let network = try network()
    let regularization = try Regularization(joint(.nuclearFirst), on: network)
    let threads = Library.threads
    defer { Library.setThreads(threads) }
    let changed = try [1, 2].map { threads in
      Library.setThreads(threads)
      return try ProximalStep(regularization, on: network.parameters, t: 0.7).changed.mapValues(\.doubles)
    }
    #expect(changed[0] == changed[1] && !changed[0].isEmpty)
  }

  @Test func `a part for single elements keeps the low rank and the zero units of the joint step`() throws {
    let network = try network()
    var regularizer = joint(.nuclearFirst)
    regularizer.sparsity = 0.4
    let step = try ProximalStep(Regularization(regularizer, on: network), on: network.parameters, t: 0.7)
    let weight = try #require(step.changed["block3.conv_h.weight"]).to(.float64)
    let alive = rows(of: weight).0.norms(["w": weight]).filter { $0 > 0 }.count
    #expect(try (1..<alive).contains(Spectrum(of: weight.unfolded).rank))
    #expect((1..<16).contains(alive))
  }

  @Test func `the ℓ1 norm alone makes single elements zero, each lowered by t·λ`() throws {
    let network = try network()
    let regularizer = Regularizer(
      nuclear: 0, group: 0.1, sparsity: 1, scale: .absolute, skip: [], restoresNorm: false)
    let step = try ProximalStep(Regularization(regularizer, on: network), on: network.parameters, t: 0.5)
    let (old, new) = (
      try #require(network.parameters["block2.conv_v.weight"]).doubles,
      try #require(step.changed["block2.conv_v.weight"]).doubles
    )
    let expected = old.map { abs($0) > 0.05 ? $0 - ($0 > 0 ? 0.05 : -0.05) : 0 }
    #expect(zip(new, expected).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(new.contains(0) && new.contains { $0 != 0 })
  }

  @Test func `dead units are zero in everything that is theirs`() throws {
    let network = try network()
    let regularization = try Regularization(joint(.nuclearFirst), on: network)
    let step = try ProximalStep(regularization, on: network.parameters, t: 0.7)
    #expect(!step.deaths.isEmpty)
    for (name, indices) in step.dead {
      let tensor = try #require(step.changed[name])
      #expect(tensor.selecting(indices, axis: 0).maximumMagnitude == 0)
    }
    #expect(step.dead["block3.bn_h.bias"] == step.dead["block3.conv_h.weight"])
  }

  @Test func `deaths are told once, dead units at every step, for their momentum`() throws {
    let network = try network()
    let regularization = try Regularization(joint(.nuclearFirst), on: network)
    let first = try ProximalStep(regularization, on: network.parameters, t: 0.7)
    let second = try ProximalStep(regularization, on: after(first, network).parameters, t: 1e-6)
    #expect(second.deaths.isEmpty)
    #expect(second.dead == first.dead)
    let count = first.active.values.map { $0.count - $0.active }.reduce(0, +)
    #expect(first.deaths.count == count)
  }

  @Test func `without a regulariser nothing changes`() throws {
    let network = try network()
    let step = try ProximalStep(Regularization(.none, on: network), on: network.parameters, t: 1)
    #expect(step.changed.isEmpty && step.dead.isEmpty && step.spectra.isEmpty)
  }

  @Test func `a weight that a batch norm follows gets its norm back`() throws {
    let network = try network()
    let regularizer = Regularizer(nuclear: 1, group: 0, skip: [])
    let step = try ProximalStep(Regularization(regularizer, on: network), on: network.parameters, t: 0.5)
    for (name, new) in step.changed where name.contains("conv") {
      let old = try #require(network.parameters[name])
      #expect(abs(new.to(.float64).norm / old.to(.float64).norm - 1) < 1e-6)
    }
    let (old, new) = (try #require(network.parameters["linear.weight"]), try #require(step.changed["linear.weight"]))
    #expect(new.to(.float64).norm < 0.8 * old.to(.float64).norm)
  }

  @Test func `restoring the norm changes neither the rank nor the function in training`() throws {
    let network = try network()
    func stepped(restoring: Bool) throws -> (ProximalStep, Tensor) {
      let regularizer = Regularizer(nuclear: 1, group: 0, skip: ["linear"], restoresNorm: restoring)
      let step = try ProximalStep(Regularization(regularizer, on: network), on: network.parameters, t: 0.7)
      let new = after(step, network).to(.float64)
      let program = try Program(new, .training)
      let tensors = program.parameterNames.compactMap { new.parameters[$0] }
      return (step, program.run(random([4, 1, 16, 16], 2), parameters: tensors, mode: .training).output)
    }
    let (plain, restored) = (try stepped(restoring: false), try stepped(restoring: true))
    #expect(plain.0.changed["block1.conv_h.weight"]?.doubles != restored.0.changed["block1.conv_h.weight"]?.doubles)
    for (name, new) in restored.0.changed where name.contains("conv") {
      let other = try #require(plain.0.changed[name])
      #expect(try Spectrum(of: new.unfolded).rank == Spectrum(of: other.unfolded).rank)
    }
    // ε of the batch norm weighs more in a smaller weight: the outputs agree to that.
    #expect(relativeError(restored.1, plain.1) < 1e-2)
  }

  @Test func `relative strengths do not depend on the scale of the weight`() throws {
    let network = try network()
    var large = network
    large.parameters["block2.conv_v.weight"] = network.parameters["block2.conv_v.weight"].map { $0 * 8 }
    func result(_ network: Network, _ scale: Regularizer.Scale) throws -> Tensor {
      let regularizer = Regularizer(nuclear: 1, group: 0, scale: scale, skip: [], restoresNorm: false)
      let step = try ProximalStep(Regularization(regularizer, on: network), on: network.parameters, t: 0.5)
      return try #require(step.changed["block2.conv_v.weight"])
    }
    #expect(relativeError(try result(large, .relative), try result(network, .relative) * 8) < 1e-5)
    #expect(relativeError(try result(large, .absolute), try result(network, .absolute) * 8) > 1e-2)
  }

  @Test func `a layer's own strength multiplies`() throws {
    let network = try network()
    func result(_ nuclear: Double, _ strengths: [LayerStrength]) throws -> [Double]? {
      let regularizer = Regularizer(nuclear: nuclear, group: 0, skip: [], strengths: strengths)
      let step = try ProximalStep(Regularization(regularizer, on: network), on: network.parameters, t: 0.5)
      return step.changed["block2.conv_v.weight"]?.doubles
    }
    let halved = [LayerStrength(pattern: "block2.*", factor: 0.5), LayerStrength(pattern: "*", factor: 9)]
    #expect(try result(1, halved) == result(0.5, []))
  }

  @Test func `the scales of the start are kept when training goes on`() throws {
    let network = try network()
    let start = try Regularization(joint(.nuclearFirst), on: network).start
    let later = try Regularization(joint(.nuclearFirst), on: network.to(.float64), start: start)
    #expect(later.start == start)
    var smaller = network
    smaller.parameters = network.parameters.mapValues { $0 * 0.5 }
    #expect(try Regularization(joint(.nuclearFirst), on: smaller, start: start).start == start)
    #expect(try Regularization(joint(.nuclearFirst), on: smaller).start != start)
  }

  @Test func `by default the first convolution and the classifier are left out`() throws {
    let network = try network()
    let matrices = try Regularization(Regularizer(nuclear: 1, group: 1), on: network).matrices.map(\.layer)
    #expect(!matrices.contains("block1.conv_v") && !matrices.contains("linear"))
    #expect(matrices.count == 5)
    let skip = Regularizer(nuclear: 1, group: 1, skip: ["block*.conv_h", "linear"])
    let named = try Regularization(skip, on: network)
    #expect(named.matrices.map(\.layer) == ["block1.conv_v", "block2.conv_v", "block3.conv_v"])
    #expect(named.groups.map(\.group.name) == ["block1.conv_v", "block2.conv_v", "block3.conv_v"])
  }

  @Test func `NaN in a weight throws`() throws {
    var network = try network()
    let regularization = try Regularization(joint(.nuclearFirst), on: network)
    network.set("block2.conv_v.weight", [0], to: .nan)
    #expect(throws: TorchError.self) { _ = try ProximalStep(regularization, on: network.parameters, t: 0.1) }
  }

  @Test func `a warm-up lets the strength grow`() {
    let regularizer = Regularizer(nuclear: 1, group: 0, warmup: 4)
    #expect([0, 1, 4, 9].map(regularizer.strength) == [0, 0.25, 1, 1])
    #expect(Regularizer.none.strength(after: 0) == 1)
  }

  @Test(arguments: [
    ("a", "a", true), ("a", "ab", false), ("a*", "abc", true), ("*c", "abc", true), ("a*c", "ac", true),
    ("a*a", "a", false), ("*b*", "abc", true), ("a*b*c*", "axbyc", true), ("a*b*c", "acb", false), ("*", "", true),
    ("layer1.*.conv1", "layer1.0.conv1", true), ("layer1.*.conv1", "layer1.0.conv2", false),
  ])
  func `a star stands for anything`(pattern: String, name: String, fits: Bool) {
    #expect(Pattern(pattern).matches(name) == fits)
  }
}
