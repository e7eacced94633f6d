import Networks
import Testing
import Torch

@testable import Compaction

/// Ranks spread over layers where they lose least.
@Suite struct AllocationTests {
  typealias Offer = RankAllocation.Offer

  /// Layers of falling losses at rising costs.
  private func offers(_ layers: Int, seed: UInt64) -> [[Offer]] {
    let numbers = Tensor.uniform([layers, 6, 2], in: 0...1, using: Generator(seed: seed)).doubles
    return (0..<layers).map { layer in
      let own = (0..<6).map { (numbers[(layer * 6 + $0) * 2], numbers[(layer * 6 + $0) * 2 + 1]) }
      let losses = own.map(\.0).sorted(by: >)
      var cost = 0
      return own.indices.map { index in
        cost += 1 + Int(own[index].1 * 20)
        return Offer(rank: index + 1, cost: cost, loss: losses[index])
      }
    }
  }

  /// The least loss within the budget, by trying everything.
  private func leastLoss(_ offers: [[Offer]], _ budget: Int) -> Double {
    guard let first = offers.first else { return 0 }
    return first.filter { $0.cost <= budget }
      .map { $0.loss + leastLoss(Array(offers.dropFirst()), budget - $0.cost) }.min() ?? .infinity
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>, [30, 60, 100, 1000])
  func `the choice keeps to its budget, and bound ≤ optimum ≤ choice with little between`(
    seed: UInt64, budget: Int
  ) throws {
    let offers = offers(4, seed: seed)
    let optimum = leastLoss(offers, budget)
    guard optimum.isFinite else {
      #expect(RankAllocation(offers, budget: budget) == nil)
      return
    }
    let allocation = try #require(RankAllocation(offers, budget: budget))
    #expect(allocation.cost <= budget)
    #expect(allocation.bound <= optimum + 1e-9)
    #expect(allocation.loss >= optimum - 1e-9)
    #expect(allocation.loss <= optimum + 0.35, "\(allocation.loss) of \(optimum)")
  }

  @Test func `a budget for everything loses nothing`() throws {
    let offers = [[Offer(rank: nil, cost: 90, loss: 0), Offer(rank: 1, cost: 10, loss: 0.5)]]
    let allocation = try #require(RankAllocation(offers, budget: 90))
    #expect(allocation.loss == 0 && allocation.bound == 0)
  }

  @Test func `of a network's layers it loses less than one share for all at the same size`() throws {
    let network = try Network.dec3(input: [1, 16, 16], classes: 5, units: [16, 24, 32], seed: 1).unsettled()
    func loss(_ allocation: Allocation, _ goal: PlanGoal) throws -> (loss: Double, cost: Cost) {
      let compacted = try Compactor(Planner(goal: goal, allocation: allocation)).compact(network)
      let losses = compacted.plan.layers.map { ($0.error / $0.norm) * ($0.error / $0.norm) }
      #expect(try compacted.network.cost() == compacted.plan.predicted)
      return (losses.reduce(0, +), compacted.plan.predicted)
    }
    for fraction in [0.3, 0.5, 0.7] {
      for goal in [PlanGoal.parameters(fraction), .macs(fraction)] {
        let (uniform, global) = (try loss(.uniform, goal), try loss(.global, goal))
        let whole = try network.cost()
        #expect(global.loss < uniform.loss, "\(goal)")
        switch goal {
        case .parameters: #expect(global.cost.parameters <= Int(fraction * Double(whole.parameters)))
        default: #expect(global.cost.macs <= Int(fraction * Double(whole.macs)))
        }
      }
    }
  }
}
