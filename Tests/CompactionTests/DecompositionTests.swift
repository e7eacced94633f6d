@testable import Compaction
import Foundation
@testable import Networks
import Testing
import Torch

/// The ways in which a convolution becomes factors.
@Suite struct DecompositionTests {
  /// A strided, dilated, unevenly padded convolution with a bias between others, in float64.
  private func network(kernel: [Int] = [3, 5]) throws -> Network {
    var net = NetworkBuilder(input: [3, 14, 14], seed: 6)
    let first = try net.relu(net.convolution(net.input, "first", units: 6, kernel: [3, 3]))
    let geometry = ConvolutionGeometry(stride: [2, 1], padding: [1, 2], dilation: [2, 1])
    let x = try net.append(
      Convolution(geometry), "conv", reading: [first],
      parameters: [
        .weight: Tensor.normal([8, 6] + kernel, using: Generator(seed: 1)),
        .bias: Tensor.normal([8], using: Generator(seed: 2)),
      ])
    let y = try net.batchNorm(x, "norm")
    return try net.finish(net.linear(net.flatten(net.relu(y)), "fc", units: 6)).withRandomBatchNorm().to(.float64)
  }

  private func factorizing(_ network: Network, _ decomposition: Decomposition, rank: Int) throws -> Network {
    let layer = network.layer(named: "conv")
    let factors = try Factorization(
      network.matrix(of: layer), as: decomposition, shape: layer.shape, rank: rank)
    return try network.factorizing(layer, factors)
  }

  private func spectrum(_ network: Network, _ decomposition: Decomposition) throws -> Spectrum {
    let layer = network.layer(named: "conv")
    return try Spectrum(of: decomposition.unfolding(network.matrix(of: layer), layer.shape))
  }

  @Test(arguments: Decomposition.allCases, [[3, 5], [3, 1], [1, 5], [1, 1]])
  func `factoring at full rank changes nothing`(decomposition: Decomposition, kernel: [Int]) throws {
    let network = try network(kernel: kernel)
    let full = decomposition.fullRank(of: network.layer(named: "conv").shape)
    let factored = try factorizing(network, decomposition, rank: full)
    #expect(try largestDifference(network, factored) < 1e-12)
    #expect(factored.nodes.count == network.nodes.count + decomposition.factors.count - 1)
  }

  @Test(arguments: Decomposition.allCases.filter(\.isPair), [[3, 5], [3, 1], [1, 5], [1, 1]])
  func `a pair's full rank is that of its unfolding`(decomposition: Decomposition, kernel: [Int]) throws {
    let network = try network(kernel: kernel)
    let full = decomposition.fullRank(of: network.layer(named: "conv").shape)
    #expect(try spectrum(network, decomposition).values.count == full)
  }

  @Test(arguments: Decomposition.allCases.filter(\.isPair), 1...5)
  func `the weight's error is √Σσ² of what its own unfolding discards`(decomposition: Decomposition, rank: Int) throws {
    let network = try network()
    let small = try factorizing(network, decomposition, rank: rank)
    let pair = small.layer(named: "conv")
    #expect(pair.isFactorized && pair.decomposition == decomposition)
    let measured = (small.matrix(of: pair) - network.matrix(of: network.layer(named: "conv"))).norm
    let predicted = try spectrum(network, decomposition).error(of: rank)
    #expect(abs(measured - predicted) < 1e-9 * predicted)
  }

  @Test(arguments: Decomposition.allCases)
  func `a factor has the stride, padding and dilation of the axes it takes`(decomposition: Decomposition) throws {
    let small = try factorizing(network(), decomposition, rank: 2)
    func geometry(_ name: String) -> ConvolutionGeometry? { (small[name]?.operation as? Convolution)?.geometry }
    let whole = ConvolutionGeometry(stride: [2, 1], padding: [1, 2], dilation: [2, 1])
    let none = ConvolutionGeometry()
    let vertical = ConvolutionGeometry(stride: [2, 1], padding: [1, 0], dilation: [2, 1])
    let horizontal = ConvolutionGeometry(stride: [1, 1], padding: [0, 2], dilation: [1, 1])
    let names = decomposition.factors.indices.map { "conv.\($0)" }
    let shapes = names.map { small.parameters["\($0).weight"]?.shape }
    switch decomposition {
    case .spatialFirst:
      #expect((geometry("conv.0"), geometry("conv.1")) == (whole, none))
      #expect(shapes == [[2, 6, 3, 5], [8, 2, 1, 1]])
    case .pointwiseFirst:
      #expect((geometry("conv.0"), geometry("conv.1")) == (none, whole))
      #expect(shapes == [[2, 6, 1, 1], [8, 2, 3, 5]])
    case .verticalFirst:
      #expect((geometry("conv.0"), geometry("conv.1")) == (vertical, horizontal))
      #expect(shapes == [[2, 6, 3, 1], [8, 2, 1, 5]])
    case .tucker:
      #expect((geometry("conv.0"), geometry("conv.1")) == (none, whole) && geometry("conv.2") == none)
      #expect(shapes == [[2, 6, 1, 1], [2, 2, 3, 5], [8, 2, 1, 1]])
    default: Issue.record("\(decomposition.name) has no expectation")
    }
    let biases = names.map { small[$0]?.parameters[.bias] }
    #expect(biases.dropLast().allSatisfy { $0 == nil } && biases.last == "\(names[names.count - 1]).bias")
  }

  @Test(arguments: Decomposition.allCases.filter(\.isPair))
  func `losses are the squared errors of the weight scaled by the batch norm behind it`(
    decomposition: Decomposition
  ) throws {
    let network = try network()
    let layer = network.layer(named: "conv")
    let scale = Tensor(network.scale(behind: layer), shape: [8, 1])
    #expect(Set(network.scale(behind: layer)).count == 8)
    let losses = try NormalizedWeightEnergy().losses(of: layer, in: network, as: decomposition).shares
    let matrix = network.matrix(of: layer)
    for rank in 1...5 {
      let small = try factorizing(network, decomposition, rank: rank)
      let error = (scale * (small.matrix(of: small.layer(named: "conv")) - matrix)).norm / (scale * matrix).norm
      #expect(abs(losses[rank] - error * error) < 1e-9)
    }
    #expect(losses[0] == 1 && abs(losses[losses.count - 1]) < 1e-12)
  }

  @Test(arguments: Decomposition.allCases)
  func `a rank's cost is what the factors cost`(decomposition: Decomposition) throws {
    let network = try network()
    let analysis = try Analysis(of: network, narrowed: network, [decomposition], by: NormalizedWeightEnergy())
    let curve = try #require(analysis.layers.first { $0.name == "conv" }?.curve(of: decomposition))
    // Of Tucker's ranks one side has no more than 6.
    for rank in [1, 3, decomposition.fullRank(of: [8, 6, 3, 5])] {
      let costs = try factorizing(network, decomposition, rank: rank).nodeCosts()
      let factors = costs.filter { $0.node.name.hasPrefix("conv.") }.map(\.cost)
      #expect(curve.costs[rank].macs == factors.map(\.macs).reduce(0, +))
      #expect(curve.costs[rank].parameters + 8 == factors.map(\.parameters).reduce(0, +))
      #expect(curve.costs[rank].activationBytes == factors.dropLast().map(\.activationBytes).reduce(0, +))
    }
  }

  @Test(arguments: Decomposition.allCases.filter { $0 != .spatialFirst })
  func `factors of another decomposition than the trained one are left alone`(decomposition: Decomposition) throws {
    let small = try factorizing(network(), decomposition, rank: 3).to(.float32)
    #expect(small.layer(named: "conv").obstacle != nil)
    let regularization = try Regularization(Regularizer(nuclear: 1, group: 1, skip: []), on: small)
    #expect(!regularization.matrices.contains { $0.layer == "conv" })
    let twice = try Compressor(PlanSettings(target: .energy(0.5)), skip: []).compact(small)
    #expect(twice.network.nodes.filter { $0.name.hasPrefix("conv") }.map(\.name) == small.layer(named: "conv").nodes)
    #expect(try twice.network.cost() == twice.plan.predicted)
    #expect(throws: Never.self) { _ = try EqualityProof(reference: twice.truncated, candidate: twice.network) }
  }

  @Test(arguments: [Target.energy(0.7), .parameters(0.5), .macs(0.5)], Allocator.allCases)
  func `with any decomposition plans predict costs and are proved`(goal: Target, allocation: Allocator) throws {
    let network = try network().to(.float32)
    let settings = PlanSettings(target: goal, allocator: allocation, decompositions: .any)
    let compacted = try Compressor(settings, skip: ["first"]).compact(network)
    #expect(try compacted.network.cost() == compacted.plan.predicted)
    #expect(throws: Never.self) { _ = try EqualityProof(reference: compacted.truncated, candidate: compacted.network) }
  }

  @Test func `with any decomposition a layer is no larger, and no further off, than with the trained one`() throws {
    let network = try network().to(.float32)
    for energy in [0.4, 0.6, 0.8] {
      let plans = try DecompositionChoice.allCases.map {
        try Compressor(PlanSettings(target: .energy(energy), decompositions: $0), skip: ["first", "fc"]).compact(
          network
        ).plan
          .layers
      }
      for (trained, any) in zip(plans[0], plans[1]) {
        #expect(any.weights <= trained.weights)
        guard case .lowRank = trained.form else { continue }
        #expect(any.error <= trained.error * (1 + 1e-6))
      }
    }
  }

  @Test(arguments: Decomposition.allCases)
  func `momenta follow the factors by the chain rule`(decomposition: Decomposition) throws {
    let network = try network()
    let layer = network.layer(named: "conv")
    let shape = layer.shape
    let factors = try Factorization(network.matrix(of: layer), as: decomposition, shape: shape, rank: 3)
    let small = try network.factorizing(layer, factors)
    let removable = try RemovableChannels(in: network)
    let plan = try Compressor(PlanSettings(target: .energy(1))).plan(
      for: Analysis(of: network, narrowed: network, by: WeightEnergy(measure: .sum)))
    let compacted = Compacted(
      network: small, truncated: network, plan: plan,
      rewrite: Rewrite(removable: removable, layers: [(layer, factors)], narrow: network))
    let momentum = random(shape, 7)
    let carried = compacted.carrying(["conv.weight": momentum])
    let names = small.layer(named: "conv").weights
    let weights = try names.map { try #require(small.parameters[$0]) }
    // ⟨V_i, dF_i⟩ is ⟨V, the product's change with dF_i⟩.
    for (index, name) in names.enumerated() {
      let own = try #require(carried[name])
      let change = random(own.shape, 8)
      var changed = weights
      changed[index] = change
      #expect(abs((own * change).sum.item - (momentum.unfolded * changed.product.unfolded).sum.item) < 1e-9)
    }
  }

  @Test(arguments: Decomposition.allCases)
  func `factors are told by their names, and what only looks like them is not`(decomposition: Decomposition) throws {
    let small = try factorizing(network(), decomposition, rank: 2)
    var nameless = small
    for index in nameless.nodes.indices { nameless.nodes[index].factor = nil }
    #expect(nameless.layer(named: "conv.0").nodes == ["conv.0"])
    let told = nameless.recognizingFactors()
    #expect(told.nodes.map(\.factor) == small.nodes.map(\.factor))
    #expect(told.layer(named: "conv").decomposition == decomposition)
    // A bias between two factors is something between them.
    nameless.parameters["conv.0.bias"] = random([2], 1)
    let first = try #require(nameless.nodes.firstIndex { $0.name == "conv.0" })
    nameless.nodes[first].parameters[.bias] = "conv.0.bias"
    #expect(nameless.recognizingFactors().matrixLayers.contains { $0.name == "conv.0" })
  }

  @Test func `linear layers one after the other are no convolution's three factors`() throws {
    var net = NetworkBuilder(input: [4, 1, 1], seed: 1)
    let first = try net.linear(net.flatten(net.input), "fc.0", units: 3, bias: false)
    let second = try net.linear(first, "fc.1", units: 3, bias: false)
    let network = try net.finish(net.linear(second, "fc.2", units: 5)).recognizingFactors()
    #expect(network.matrixLayers.map(\.name) == ["fc", "fc.2"])
  }

  @Test func `forms are written with their decomposition, and a rank alone is of the one that is trained`() throws {
    let forms = [Form.lowRank(rank: 5), .lowRank(.verticalFirst, rank: 3), .dense]
    #expect(try JSONDecoder().decode([Form].self, from: JSONEncoder().encode(forms)) == forms)
    let short = try JSONDecoder().decode([Form].self, from: Data(#"[{"rank":5},"dense"]"#.utf8))
    #expect(short == [forms[0], forms[2]])
  }
}
