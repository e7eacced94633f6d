import Networks
import Testing
import Torch

@testable import Compaction

/// Ranks spread over layers where they lose least.
@Suite struct AllocationTests {
  /// Layers of falling losses at rising costs of two kinds, which rise by steps of their own.
  private func candidates(_ layers: Int, seed: UInt64) -> [[Candidate]] {
    let numbers = Tensor.uniform([layers, 6, 3], in: 0...1, using: Generator(seed: seed)).doubles
    return (0..<layers).map { layer in
      let own = (0..<6).map { rank in (0..<3).map { numbers[(layer * 6 + rank) * 3 + $0] } }
      let losses = own.map { $0[0] }.sorted(by: >)
      var cost = SIMD2(0, 0)
      return own.indices.map { index in
        cost &+= SIMD2(1 + Int(own[index][1] * 20), 1 + Int(own[index][2] * 20))
        return Candidate(layer: layer, form: .lowRank(rank: index + 1), cost: cost, loss: losses[index])
      }
    }
  }

  /// The least loss within the limits, by trying everything.
  private func leastLoss(_ candidates: [[Candidate]], _ limits: SIMD2<Int>) -> Double {
    guard let first = candidates.first else { return 0 }
    return first.filter { $0.cost.isWithin(limits) }
      .map { $0.loss + leastLoss(Array(candidates.dropFirst()), limits &- $0.cost) }.min() ?? .infinity
  }

  @Test(
    arguments: 1...8 as ClosedRange<UInt64>,
    [[30, .max], [60, .max], [.max, 100], [1000, .max], [40, 40], [60, 100], [100, 60], [150, 40]] as [SIMD2<Int>])
  func `the choice keeps to its limits, and bound ≤ optimum ≤ choice with little between`(
    seed: UInt64, limits: SIMD2<Int>
  ) throws {
    let candidates = candidates(4, seed: seed)
    let optimum = leastLoss(candidates, limits)
    guard optimum.isFinite else {
      #expect(Allocation(candidates, within: limits) == nil)
      return
    }
    let allocation = try #require(Allocation(candidates, within: limits))
    #expect(allocation.cost.isWithin(limits))
    #expect(allocation.bound <= optimum + 1e-9)
    #expect(allocation.loss >= optimum - 1e-9)
    #expect(allocation.loss <= optimum + 0.35, "\(allocation.loss) of \(optimum)")
  }

  @Test func `limits for everything lose nothing`() throws {
    let candidates = [
      [
        Candidate(layer: 0, form: .dense, cost: [90, 45], loss: 0),
        Candidate(layer: 0, form: .lowRank(rank: 1), cost: [10, 5], loss: 0.5),
      ]
    ]
    for limits in [[90, 45], [90, .max], [.max, 45]] as [SIMD2<Int>] {
      let allocation = try #require(Allocation(candidates, within: limits))
      #expect(allocation.loss == 0 && allocation.bound == 0)
    }
  }

  @Test(arguments: Allocator.allCases, RemovableUnits.allCases)
  func `a plan to parameters and MACs keeps to both, where each alone breaks the other`(
    allocation: Allocator, units: RemovableUnits
  ) throws {
    let network = try Network.dec3(input: [1, 16, 16], classes: 5, units: [16, 24, 32], seed: 1).withRandomBatchNorm()
    let whole = try network.cost()
    func share(_ goal: Target) throws -> (parameters: Double, macs: Double) {
      let compacted = try Compressor(PlanSettings(target: goal, units: units, allocator: allocation)).compact(network)
      #expect(try compacted.network.cost() == compacted.plan.predicted)
      let cost = compacted.plan.predicted
      return (Double(cost.parameters) / Double(whole.parameters), Double(cost.macs) / Double(whole.macs))
    }
    let (byParameters, byMACs) = (try share(.parameters(0.4)), try share(.macs(0.4)))
    // Between what each limit alone leaves of the other both have to be met at once.
    let target = Target.Fractions(
      parameters: (0.4 + byMACs.parameters) / 2, macs: (0.4 + byParameters.macs) / 2)
    let both = try share(.size(target))
    #expect(both.parameters <= target.parameters ?? 0 && both.macs <= target.macs ?? 0)
    #expect(both.parameters > 0.8 * (target.parameters ?? 1) || both.macs > 0.8 * (target.macs ?? 1))
  }

  @Test func `the share of a cost is at most the least fraction just where all fractions are met`() {
    let whole = Cost(parameters: 1000, macs: 8000)
    let both = Target.Fractions(parameters: 0.5, macs: 0.25)
    for (parameters, macs) in [(500, 2000), (400, 1000), (501, 100), (10, 2001), (1000, 8000)] {
      let cost = Cost(parameters: parameters, macs: macs)
      let isMet = parameters <= 500 && macs <= 2000
      #expect((both.share(cost, of: whole) <= both.least) == isMet, "\(parameters), \(macs)")
      #expect(Target.Fractions(parameters: 0.5).share(cost, of: whole) == Double(parameters) / 1000)
    }
    #expect(both.share(whole, of: whole) == 1)
  }

  @Test func `of a network's layers it loses less than one share for all at the same size`() throws {
    let network = try Network.dec3(input: [1, 16, 16], classes: 5, units: [16, 24, 32], seed: 1).withRandomBatchNorm()
    func loss(_ allocation: Allocator, _ goal: Target) throws -> (loss: Double, cost: Cost) {
      let compacted = try Compressor(PlanSettings(target: goal, allocator: allocation)).compact(network)
      let losses = compacted.plan.layers.map { ($0.error / $0.norm) * ($0.error / $0.norm) }
      #expect(try compacted.network.cost() == compacted.plan.predicted)
      return (losses.reduce(0, +), compacted.plan.predicted)
    }
    for fraction in [0.3, 0.5, 0.7] {
      for goal in [Target.parameters(fraction), .macs(fraction)] {
        let (uniform, global) = (try loss(.uniform, goal), try loss(.global, goal))
        let whole = try network.cost()
        #expect(global.loss < uniform.loss, "\(goal)")
        if goal == .parameters(fraction) {
          #expect(global.cost.parameters <= Int(fraction * Double(whole.parameters)))
        } else {
          #expect(global.cost.macs <= Int(fraction * Double(whole.macs)))
        }
      }
    }
  }
}
