import Architectures
import Networks
import Testing
import Torch

@testable import Compaction

/// Units weighed against ranks, group by group.
@Suite struct UnitSearchTests {
  private let coupling = ["layer1.0.conv1", "layer2.1.conv1", "layer3.1.conv1"]

  /// A network in three of whose groups every other unit does next to nothing.
  private func network() throws -> Network {
    var network = try Network.cifarResNet(blocks: 2, input: [3, 8, 8], classes: 10, seed: 3).withRandomBatchNorm()
    for name in coupling.map({ $0.replacing("conv", with: "bn") }) {
      let count = network.parameters["\(name).weight"]?.shape[0] ?? 0
      let weak = Array(stride(from: 0, to: count, by: 2))
      network.set("\(name).weight", weak, to: 1e-3)
      network.set("\(name).bias", weak, to: 0)
    }
    return network
  }

  private func compact(_ fraction: Double, _ allocation: Allocator, _ units: RemovableUnits = .weakest) throws
    -> Compacted
  {
    try Compressor(PlanSettings(target: .macs(fraction), units: units, allocator: allocation)).compact(network())
  }

  @Test func `what is asked for is taken from groups whose units do little, and nothing else is lost`() throws {
    let plan = try compact(0.8, .global).plan
    for layer in plan.layers where layer.name != "linear" {
      let fewest = coupling.contains(layer.name) ? layer.unitsBefore / 2 : layer.unitsBefore
      #expect(layer.units >= fewest, "\(layer.name)")
    }
    #expect(plan.layers.contains { $0.units < $0.unitsBefore } && plan.unitShare > 0.99)
    #expect(plan.energy > 0.99)
  }

  @Test(arguments: [0.2, 0.4, 0.6])
  func `a plan group by group keeps to the size and is proved`(fraction: Double) throws {
    let compacted = try compact(fraction, .global)
    #expect(try compacted.network.cost() == compacted.plan.predicted)
    #expect(Double(compacted.plan.predicted.macs) <= fraction * Double(compacted.plan.original.macs))
    #expect(throws: Never.self) { _ = try EqualityProof(reference: compacted.truncated, candidate: compacted.network) }
  }

  @Test func `a draft costs what the exact analysis costs, and is the same where nothing went`() throws {
    let network = try network()
    let compressor = Compressor(PlanSettings(target: .macs(0.5), units: .weakest, allocator: .global))
    let analyzer = try Analyzer(network, compressor)
    let whole = try analyzer.analysis(at: .share(1))
    let same = try analyzer.analysis(at: .share(1), .draft)
    #expect(whole.layers.map(\.curves[0].losses) == same.layers.map(\.curves[0].losses))
    let draft = try analyzer.analysis(at: .share(0.6), .draft)
    let exact = try analyzer.analysis(at: .share(0.6))
    #expect(draft.narrowed == exact.narrowed && draft.narrowed != whole.narrowed)
    for (own, wanted) in zip(draft.layers, exact.layers) {
      for (curve, exact) in zip(own.curves, wanted.curves) {
        #expect(curve.decomposition == exact.decomposition && curve.costs == exact.costs)
        #expect(curve.losses.count == exact.losses.count && curve.losses.first == 1)
        #expect(zip(curve.losses, curve.losses.dropFirst()).allSatisfy { $0 >= $1 && $1 >= 0 })
      }
      #expect(own.units == wanted.units)
    }
  }

  /// A unit of group a is worth a tenth, one of group b a hundredth; both cost 1 of 20, and what is left buys ranks
  /// worth a twentieth each.
  @Test func `a descent finds what one share for all groups cannot`() throws {
    let network = try network()
    let analysis = try Analysis(of: network, narrowed: network, by: WeightEnergy(measure: .sum))
    func group(_ name: String, _ widths: Widths) -> Analysis.GroupWidth {
      let norms = [Double](repeating: 1, count: 16)
      return Analysis.GroupWidth(
        name: name, norms: norms, kept: widths.kept(of: name, norms, atLeast: 1, multipleOf: 1))
    }
    let compressor = Compressor(PlanSettings(target: .macs(0.5), units: .weakest, allocator: .global))
    var tried: [[Int]] = []
    let found = try compressor.search.leastLossy { widths, _ in
      var own = analysis
      own.groups = [group("a", widths), group("b", widths)]
      return own
    } _: { analysis in
      let kept = analysis.groups.map(\.kept)
      tried.append(kept)
      guard kept.reduce(0, +) <= 20 else { return nil }
      let ranks = Double(20 - kept[0] - kept[1])
      let loss = 0.1 * Double(16 - kept[0]) + 0.01 * Double(16 - kept[1]) + 0.05 * max(0, 12 - ranks)
      let plan = compressor.plan(for: analysis, [Candidate]()) { _ in .losesMoreThanItSaves }
      return WidthSearch.Step(analysis: analysis, plan: plan, loss: loss)
    }
    let counts = try #require(found).analysis.groups.map(\.kept)
    #expect(counts == [16, 1])
    #expect(tried.contains([10, 10]))
  }
}

@Suite struct WidthsTests {
  private let norms: [Double] = [4, 3, 2, 1]

  @Test(arguments: [(1.0, 4), (0.95, 4), (0.9, 3), (0.7, 2), (0.4, 1), (0, 1)])
  func `by share the fewest stay that hold it`(share: Double, kept: Int) {
    #expect(Widths.share(share).kept(of: "a", norms, atLeast: 1, multipleOf: 1) == kept)
  }

  @Test func `the fewest and the step count by share, and not more than there are`() {
    #expect(Widths.share(0).kept(of: "a", norms, atLeast: 3, multipleOf: 1) == 3)
    #expect(Widths.share(0.4).kept(of: "a", norms, atLeast: 1, multipleOf: 2) == 2)
    #expect(Widths.share(0.4).kept(of: "a", norms, atLeast: 1, multipleOf: 8) == 4)
  }

  @Test func `by counts a channel group that is not named keeps all`() {
    let choice = Widths.counts(["a": 2])
    #expect(choice.kept(of: "a", norms, atLeast: 1, multipleOf: 8) == 2)
    #expect(choice.kept(of: "a", norms, atLeast: 3, multipleOf: 8) == 3)
    #expect(choice.kept(of: "b", norms, atLeast: 1, multipleOf: 8) == 4)
  }
}
