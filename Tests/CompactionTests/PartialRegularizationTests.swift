import Architectures
import Networks
import Testing
import Torch

@testable import Compaction

@Suite struct PartialThresholdingTests {
  struct Cases: Decodable { let cases: [Case] }
  struct Case: Decodable, CustomTestStringConvertible {
    let matrix: String
    let kind: String
    let threshold: Double
    let kept: Int?
    let result: String
    var testDescription: String { result }
  }

  static func cases() throws -> [Case] {
    try Fixture("proximal", as: Cases.self).description.cases.filter { $0.kind == "partial" }
  }

  private func shrunk(_ matrix: Tensor, rank: Int, _ shrinkage: Shrinkage, onTheLeft: Bool = false) throws -> Tensor {
    let tail = try PartialThresholding(matrix, rank: rank, shrinkage, onTheLeft: onTheLeft)
    return matrix + tail.change(of: matrix)
  }

  @Test(arguments: try cases(), [false, true])
  func `the soft form gives what an SVD gives`(_ given: Case, onTheLeft: Bool) throws {
    let fixture = try Fixture("proximal", as: Cases.self)
    let matrix = try fixture.tensor(given.matrix)
    let found = try shrunk(
      matrix, rank: try #require(given.kept), Shrinkage(.soft, share: given.threshold), onTheLeft: onTheLeft)
    #expect(relativeError(found, try fixture.tensor(given.result)) < 1e-9)
  }

  @Test func `the soft form minimises the distance plus the partial sum of singular values`() throws {
    for (seed, shape) in [[8, 5], [5, 8], [6, 20]].enumerated() {
      let matrix = random(shape, UInt64(seed))
      let tail = Array(try matrix.singularValues().doubles.dropFirst(2))
      let t = 0.4 * tail[0]
      func objective(_ x: Tensor) throws -> Double {
        let distance = (x - matrix).norm
        return try distance * distance / 2 + t * x.singularValues().doubles.dropFirst(2).reduce(0, +)
      }
      let found = try shrunk(matrix, rank: 2, Shrinkage(.soft, share: 0.4))
      let least = try objective(found)
      for trial in 0..<20 {
        for size in [1e-1, 1e-2, 1e-3] {
          #expect(try objective(found + random(shape, UInt64(100 + trial)) * size) >= least - 1e-12)
        }
      }
      // Near by is not enough.
      #expect(try objective(shrunk(matrix, rank: 2, Shrinkage(.soft, share: 0.5))) > least + 1e-6)
    }
  }

  @Test(arguments: Shrinkage.Form.allCases, [[12, 30], [30, 12]])
  func `what is kept stays, and what is left behind it is as the share says`(form: Shrinkage.Form, shape: [Int]) throws
  {
    let matrix = random(shape, 4)
    let before = try matrix.singularValues().doubles
    let after = try shrunk(matrix, rank: 5, Shrinkage(form, share: 0.25)).singularValues().doubles
    for index in 0..<5 { #expect(abs(after[index] - before[index]) < 1e-12 * before[0]) }
    for index in 5..<12 {
      let expected = form == .soft ? max(0, before[index] - 0.25 * before[5]) : 0.75 * before[index]
      #expect(abs(after[index] - expected) < 1e-9 * before[0])
    }
    #expect(try relativeError(shrunk(matrix, rank: 5, Shrinkage(form, share: 0)), matrix) < 1e-14)
    #expect(try Spectrum(of: shrunk(matrix, rank: 5, Shrinkage(form, share: 1)).to(.float32)).rank == 5)
  }
}

@Suite struct PartialRegularizationTests {
  private let settings = PlanSettings(
    target: .macs(0.3), units: .weakest, allocator: .global, decompositions: .any)

  private func network() throws -> Network {
    try Network.cifarResNet(blocks: 1, input: [3, 16, 16], classes: 4, seed: 1).withRandomBatchNorm()
  }

  private func step(_ network: Network, _ cut: PlannedCut, _ shrinkage: Shrinkage) throws -> Network {
    let regularization = try Regularization(Regularizer(nuclear: 0, group: 0, restoresNorm: false), on: network)
    let partial = try PartialRegularization(cut, on: network)
    var result = network
    let step = try ProximalStep(partial, shrinkage, regularization, on: network.parameters)
    result.parameters.merge(step.changed) { $1 }
    return result
  }

  @Test func `units and ranks in several decompositions are planned, as the laws below suppose`() throws {
    let cut = try PlannedCut(Compressor(settings).plan(for: network()), of: network())
    #expect(!cut.units.isEmpty)
    let used = Set(
      cut.forms.values.compactMap { form -> Decomposition? in
        if case .lowRank(let decomposition, _) = form { decomposition } else { nil }
      })
    #expect(used.count > 1)
  }

  @Test func `when all of it is taken out the cut changes nothing`() throws {
    let network = try network()
    let cut = try PlannedCut(Compressor(settings).plan(for: network), of: network)
    let whole = try step(network, cut, Shrinkage(.multiplicative, share: 1))
    #expect(try largestDifference(network, whole) > 1e-2)
    let compacted = try Compressor(settings).compact(whole)
    #expect(try largestDifference(whole, compacted.network) < 1e-5)
    #expect(try Double(compacted.network.cost().macs) <= 0.4 * Double(network.cost().macs))
  }

  @Test func `what the plan keeps does not change, and what it cuts becomes less`() throws {
    let network = try network()
    let plan = try Compressor(settings).plan(for: network)
    let cut = try PlannedCut(plan, of: network)
    let less = try step(network, cut, Shrinkage(.multiplicative, share: 0.3))
    // What the cut gives is the same before and after.
    let given = try Compressor(settings).apply(plan, to: network).truncated
    let own = try step(less, cut, Shrinkage(.multiplicative, share: 1))
    let directly = try step(network, cut, Shrinkage(.multiplicative, share: 1))
    #expect(try largestDifference(given, directly) < 1e-5)
    // What alternating least squares keep of one kernel they keep of the other but for where they stop.
    let isPair = Dictionary(
      uniqueKeysWithValues: cut.forms.map { ("\($0).weight", $1.isExact) })
    for (name, tensor) in directly.parameters {
      let error = relativeError(try #require(own.parameters[name]), tensor)
      #expect(error < (isPair[name] ?? true ? 1e-5 : 0.05), "\(name)")
    }
    // Everything that a complete step takes out is less by the share.
    for name in ["layer1.0.conv2.weight", "layer3.0.conv2.weight"] {
      let (a, b, c) = (network.parameters[name], less.parameters[name], directly.parameters[name])
      let (whole, now, none) = (try #require(a), try #require(b), try #require(c))
      guard (whole - none).norm > 0 else { continue }
      let isUnit = cut.units.keys.contains { $0.contains(name.dropLast(7)) }
      if !isUnit { #expect(abs((now - none).norm / (whole - none).norm - 0.7) < 1e-3, "\(name)") }
    }
  }

  @Test(arguments: Shrinkage.Form.allCases)
  func `of more than two factors what the cut leaves out becomes less`(form: Shrinkage.Form) throws {
    let network = try network()
    let name = "layer3.0.conv2"
    var plan = try Compressor(PlanSettings(target: .energy(1), decompositions: .any)).plan(for: network)
    let index = try #require(plan.layers.firstIndex { $0.name == name })
    plan.layers[index].form = .lowRank(.tucker, rank: 9)
    let cut = try PlannedCut(plan, of: network)
    let layer = network.layer(named: name)
    func residual(_ network: Network) throws -> (matrix: Tensor, kept: Tensor) {
      let matrix = network.matrix(of: layer)
      let kept = try Factorization(matrix, as: .tucker, shape: layer.shape, rank: 9).truncated
      return (matrix, kept)
    }
    let (given, kept) = try residual(network)
    let less = try step(network, cut, Shrinkage(form, share: 0.3)).matrix(of: layer)
    let before = try (given - kept).singularValues().doubles
    let after = try (less - kept).singularValues().doubles
    for (old, new) in zip(before, after) {
      let wanted = form == .multiplicative ? 0.7 * old : max(0, old - 0.3 * before[0])
      #expect(abs(new - wanted) < 1e-5 * before[0])
    }
    // When all of it is gone there is nothing left to cut.
    let (whole, own) = try residual(step(network, cut, Shrinkage(form, share: 1)))
    #expect(relativeError(whole, kept) < 1e-6 && relativeError(own, whole) < 1e-6)
    #expect((given - kept).norm > 0.1 * given.norm)
  }

  @Test func `a pair loses ranks of its product, in its last factor alone`() throws {
    var settings = settings
    (settings.decompositions, settings.units) = (.trained, .zero)
    settings.target = .macs(0.7)
    let pairs = try Compressor(settings).compact(network()).network
    settings.target = .macs(0.6)
    let plan = try Compressor(settings).plan(for: pairs)
    let cut = try PlannedCut(plan, of: pairs)
    let name = try #require(cut.forms.keys.sorted().first { pairs.layer(named: $0).isFactorized })
    let after = try step(pairs, cut, Shrinkage(.multiplicative, share: 1))
    #expect(try Spectrum(of: after.matrix(of: after.layer(named: name)).to(.float32)).rank == cut.forms[name]?.rank)
    let first = pairs.layer(named: name).weights[0]
    #expect(relativeError(try #require(after.parameters[first]), try #require(pairs.parameters[first])) == 0)
  }
}
