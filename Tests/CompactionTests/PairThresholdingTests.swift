import Architectures
import Networks
import Testing
import Torch

@testable import Compaction

/// The proximal operator on the product of two factors, and what momenta do meanwhile.
@Suite struct PairThresholdingTests {
  /// M (r × S) and U (N × r).
  private func pair(_ n: Int, _ r: Int, _ s: Int, _ seed: UInt64 = 1) -> (first: Tensor, second: Tensor) {
    (random([r, s], seed), random([n, r], seed + 1))
  }

  @Test(arguments: [(12, 5, 30), (30, 5, 12), (8, 8, 8), (4, 6, 20)], [0.0, 1.5, 6, 1000])
  func `the product is thresholded as a whole matrix is`(shape: (Int, Int, Int), threshold: Double) throws {
    let (first, second) = pair(shape.0, shape.1, shape.2)
    let low = try PairThresholding(first: first, second: second, threshold: threshold)
    let expected = try SingularValueThresholding(second.matmul(first), threshold: threshold)
    #expect((low.second.matmul(low.first) - expected.matrix).norm <= 1e-7 * second.matmul(first).norm)
    #expect(low.first.shape == first.shape && low.second.shape == second.shape)
    #expect(low.spectrum.rank == expected.spectrum.values.prefix(shape.1).filter { $0 > 1e-9 }.count)
  }

  @Test func `the factors come out balanced, with what vanished zero in both`() throws {
    let (first, second) = pair(12, 5, 30)
    let sigma = try second.matmul(first).singularValues().doubles
    let low = try PairThresholding(first: first, second: second, threshold: sigma[3] + 1e-9)
    let (rows, columns) = (low.first.matmul(low.first.transposed), low.second.transposed.matmul(low.second))
    #expect((rows - columns).norm <= 1e-8 * rows.norm)
    #expect(low.first.slice(axis: 0, from: 3, to: 5).maximumMagnitude == 0)
    #expect(low.second.slice(axis: 1, from: 3, to: 5).maximumMagnitude == 0)
  }

  @Test(arguments: [0.0, 1.5, 6])
  func `momenta follow by the chain rule`(threshold: Double) throws {
    let (first, second) = pair(12, 5, 30)
    let gradient = random([12, 30], 7)
    let low = try PairThresholding(first: first, second: second, threshold: threshold)
    let movedFirst = low.basis.carriedFirst(second.transposed.matmul(gradient))
    let movedSecond = low.basis.carriedSecond(gradient.matmul(first.transposed))
    #expect(relativeError(movedFirst, low.second.transposed.matmul(gradient)) < 1e-9)
    #expect(relativeError(movedSecond, gradient.matmul(low.first.transposed)) < 1e-9)
  }

  @Test func `a pair that is not a number is refused`() {
    let bad = Tensor([Double](repeating: .nan, count: 12), shape: [3, 4])
    #expect(throws: TorchError.self) { try PairThresholding(first: bad, second: random([5, 3], 1), threshold: 1) }
  }
}

/// A regulariser on a network with factorised layers.
@Suite struct PairRegularizationTests {
  private func factorized(_ norm: GroupLassoNorm = .scale) throws -> (dense: Network, compact: Network) {
    let dense = try Network.dec3(input: [1, 16, 16], classes: 5, units: [16, 24, 32], seed: 1).withRandomBatchNorm()
    let compact = try Compressor(PlanSettings(target: .energy(0.7))).compact(dense).network
    return (dense, compact)
  }

  private func matrix(_ layer: String, _ network: Network) throws -> Tensor {
    network.matrix(of: try #require(network.matrixLayers.first { $0.name == layer }))
  }

  private func after(_ step: ProximalStep, _ network: Network) -> Network {
    var result = network
    result.parameters.merge(step.changed) { $1 }
    return result
  }

  @Test func `the product of a pair is lowered by t·τ of the layer it came from`() throws {
    let (dense, compact) = try factorized()
    let regularizer = Regularizer(nuclear: 0.3, group: 0, restoresNorm: false)
    let start = try Regularization(regularizer, on: dense).start
    let regularization = try Regularization(regularizer, on: compact, start: start)
    let step = try ProximalStep(regularization, on: compact.parameters, t: 0.5)
    let before = try matrix("block3.conv_v", compact)
    let mean = try #require(start.singularValue["block3.conv_v"])
    let expected = try SingularValueThresholding(before, threshold: 0.5 * 0.3 * mean).matrix
    #expect(relativeError(try matrix("block3.conv_v", after(step, compact)), expected) < 1e-5)
    #expect(step.spectra["block3.conv_v"] != nil)
  }

  @Test func `the norm that is restored is that of the product, and the factors stay balanced`() throws {
    let (dense, compact) = try factorized()
    let regularizer = Regularizer(nuclear: 0.3, group: 0)
    let regularization = try Regularization(
      regularizer, on: compact, start: try Regularization(regularizer, on: dense).start)
    let new = after(try ProximalStep(regularization, on: compact.parameters, t: 0.5), compact)
    let wanted = try matrix("block3.conv_v", dense).norm
    #expect(abs(try matrix("block3.conv_v", new).norm - wanted) < 1e-5 * wanted)
    let factors = ["0", "1"].compactMap { new.parameters["block3.conv_v.\($0).weight"]?.to(.float64).norm }
    #expect(abs(factors[0] - factors[1]) < 1e-4 * factors[0])
  }

  @Test func `unit norms of a pair are those of the rows of its product`() throws {
    let (_, compact) = try factorized()
    let regularizer = Regularizer(
      nuclear: 0, group: 0.4, groupNorm: .whole, scale: .absolute, skip: ["linear"], restoresNorm: false)
    let step = try ProximalStep(try Regularization(regularizer, on: compact), on: compact.parameters, t: 0.1)
    let new = after(step, compact)
    func norms(_ network: Network) throws -> [Double] {
      let rows = try matrix("block3.conv_h", network)
      let scale = ["weight", "bias"].compactMap { network.parameters["block3.bn_h.\($0)"]?.to(.float64) }
      return ((rows * rows).sum(axes: [1]) + scale[0] * scale[0] + scale[1] * scale[1]).squareRoot.doubles
    }
    // λ√P: a group of the product's row, γ and β.
    let columns = try matrix("block3.conv_h", compact).shape[1]
    let threshold = 0.1 * 0.4 * Double(columns + 2).squareRoot()
    for (old, lowered) in zip(try norms(compact), try norms(new)) {
      #expect(abs(lowered - max(0, old - threshold)) < 1e-5)
    }
  }

  @Test func `a group keeps its name when its layers are factorised`() throws {
    let (dense, compact) = try factorized()
    let names = try [dense, compact].map { network in
      try Regularization(Regularizer(nuclear: 1, group: 1), on: network).groups.map(\.group.name)
    }
    #expect(names[0] == names[1])
  }
}

/// Momenta through a whole compaction.
@Suite struct CarriedMomentaTests {
  private func trained() throws -> Network {
    var network = try Network.dec3(input: [1, 16, 16], classes: 5, units: [16, 24, 32], seed: 1).withRandomBatchNorm()
    network.zero("block3.conv_v", "block3.bn_v", [0, 11, 23])
    return network
  }

  private func momenta(of network: Network, _ seed: UInt64 = 20) -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for (index, name) in network.trainableNames.enumerated() {
      result[name] = random(network.parameters[name]?.shape ?? [], seed + UInt64(index))
    }
    return result
  }

  @Test func `the factors' momenta are V·Mᵀ and Uᵀ·V of what was kept`() throws {
    let network = try trained()
    let momenta = momenta(of: network)
    let compacted = try Compressor(PlanSettings(target: .energy(0.7))).compact(network)
    let carried = compacted.carrying(momenta)
    let new = compacted.network
    let name = "block3.conv_v"
    let (first, second) = ("\(name).0.weight", "\(name).1.weight")
    let kept = (0..<32).filter { ![0, 11, 23].contains($0) }
    let v = try #require(momenta["\(name).weight"]).selecting(kept, axis: 0).unfolded
    let m = try #require(new.parameters[first]).to(.float64).unfolded
    let u = try #require(new.parameters[second]).to(.float64).unfolded
    #expect(relativeError(try #require(carried[second]).unfolded, v.matmul(m.transposed)) < 1e-6)
    #expect(relativeError(try #require(carried[first]).unfolded, u.transposed.matmul(v)) < 1e-6)
    #expect(carried["\(name).weight"] == nil)
    #expect(try #require(carried["block3.bn_v.weight"]).shape == [29])
  }

  @Test func `a pair that is cut again hands its momenta to the lower rank`() throws {
    let once = try Compressor(PlanSettings(target: .energy(0.7))).compact(trained()).network
    let name = "block3.conv_h"
    let (first, second) = ("\(name).0.weight", "\(name).1.weight")
    let matrices = try [first, second].map { try #require(once.parameters[$0]).to(.float64).unfolded }
    let gradient = random([matrices[1].shape[0], matrices[0].shape[1]], 5)
    var momenta = momenta(of: once)
    momenta[first] = matrices[1].transposed.matmul(gradient).reshaped(try #require(once.parameters[first]).shape)
    momenta[second] = gradient.matmul(matrices[0].transposed).reshaped(try #require(once.parameters[second]).shape)
    let twice = try Compressor(PlanSettings(target: .energy(0.5))).compact(once)
    let carried = twice.carrying(momenta)
    let (m, u) = (
      try #require(twice.network.parameters[first]).to(.float64).unfolded,
      try #require(twice.network.parameters[second]).to(.float64).unfolded
    )
    #expect(m.shape[0] < matrices[0].shape[0])
    #expect(relativeError(try #require(carried[first]).unfolded, u.transposed.matmul(gradient)) < 1e-5)
    #expect(relativeError(try #require(carried[second]).unfolded, gradient.matmul(m.transposed)) < 1e-5)
  }

  @Test func `every momentum of the compact network has the shape of its parameter`() throws {
    let network = try trained()
    let compacted = try Compressor(PlanSettings(target: .parameters(0.3), units: .weakest)).compact(network)
    let carried = compacted.carrying(momenta(of: network))
    for (name, momentum) in carried { #expect(momentum.shape == compacted.network.parameters[name]?.shape) }
    #expect(Set(carried.keys) == Set(compacted.network.trainableNames))
  }
}
