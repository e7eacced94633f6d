import Architectures
@testable import Compaction
import Foundation
import Networks
import Testing
import Torch

/// Plans that were kept as JSON, edited and given back.
@Suite struct EditedPlanTests {
  private func network() throws -> Network {
    var network = try Network.dec3(input: [1, 16, 16], classes: 5, units: [16, 24, 32], seed: 1).withRandomBatchNorm()
    network.zero("block2.conv_h", "block2.bn_h", [0, 11, 23])
    return network
  }

  private let compressor = Compressor(
    PlanSettings(target: .macs(0.4), units: .weakest, allocator: .global, decompositions: .any))

  /// The plan after the way through JSON, with changes to layers on it.
  private func edited(
    _ plan: Plan, _ changes: [String: (inout [String: Any]) -> Void] = [:]
  ) throws -> Plan {
    var object = try #require(
      try JSONSerialization.jsonObject(with: JSONEncoder().encode(plan)) as? [String: Any])
    var layers = try #require(object["layers"] as? [[String: Any]])
    for index in layers.indices {
      guard let name = layers[index]["name"] as? String, let change = changes[name] else { continue }
      change(&layers[index])
    }
    object["layers"] = layers
    return try Plan(json: JSONSerialization.data(withJSONObject: object), named: "plan.json")
  }

  private func fit(_ plan: Plan, _ network: Network) throws -> Compacted {
    let compacted = try compressor.apply(compressor.fitted(plan, to: network), to: network)
    _ = try compressor.prove(compacted)
    #expect(try compacted.network.cost() == compacted.plan.predicted)
    return compacted
  }

  @Test(arguments: [Target.energy(0.8), .macs(0.4), .parameters(0.5)], Allocator.allCases)
  func `a plan that was not edited makes the same network`(target: Target, allocator: Allocator) throws {
    let network = try network()
    let settings = PlanSettings(target: target, units: .weakest, allocator: allocator, decompositions: .any)
    let own = try Compressor(settings).compact(network)
    let fitted = try fit(edited(own.plan), network)
    #expect(fitted.network.parameters.mapValues(\.doubles) == own.network.parameters.mapValues(\.doubles))
    #expect(fitted.plan.layers.map(\.form) == own.plan.layers.map(\.form))
    #expect(fitted.plan.layers.map(\.units) == own.plan.layers.map(\.units))
    #expect(fitted.plan.layers.map(\.reason) == own.plan.layers.map(\.reason))
    #expect(fitted.plan.predicted == own.plan.predicted)
  }

  @Test func `a rank, a width and a layer that was made dense are obeyed, and costs follow`() throws {
    let network = try network()
    let plan = try compressor.plan(for: network)
    let units = try #require(plan.layers.first { $0.name == "block3.conv_v" }).units
    let fitted = try fit(
      edited(
        plan,
        [
          "block2.conv_v": { $0["form"] = ["rank": 3, "decomposition": "kxk-1x1"] },
          "block3.conv_h": { $0["form"] = "dense" }, "block3.conv_v": { $0["units"] = units - 2 },
        ]), network)
    let layers = Dictionary(uniqueKeysWithValues: fitted.plan.layers.map { ($0.name, $0) })
    #expect(layers["block2.conv_v"]?.form == .lowRank(rank: 3) && layers["block3.conv_h"]?.form == .dense)
    #expect(fitted.network.parameters["block2.conv_v.0.weight"]?.shape[0] == 3)
    #expect(fitted.network["block3.conv_h"] != nil)
    #expect(layers["block3.conv_v"]?.units == units - 2)
    #expect(fitted.network.layer(named: "block3.conv_v").units == units - 2)
  }

  @Test(arguments: Decomposition.allCases)
  func `every decomposition can be asked for, is predicted and is proved`(decomposition: Decomposition) throws {
    var network = try Network.cifarResNet(blocks: 1, input: [3, 16, 16], classes: 10, seed: 3).withRandomBatchNorm()
    network.zero("layer2.0.conv1", "layer2.0.bn1", [3, 8])
    var compressor = compressor
    var collector = try MomentCollector(network)
    collector.add(Tensor.normal([16, 3, 16, 16], using: Generator(seed: 1)))
    for moments in [nil, collector.moments] {
      compressor.moments = moments
      let plan = try compressor.plan(for: network)
      let form: (inout [String: Any]) -> Void = { $0["form"] = ["rank": 9, "decomposition": decomposition.name] }
      let changed = try edited(plan, ["layer2.0.conv1": form, "layer2.0.conv2": form])
      let compacted = try compressor.apply(compressor.fitted(changed, to: network), to: network)
      _ = try compressor.prove(compacted)
      #expect(try compacted.network.cost() == compacted.plan.predicted)
      for name in ["layer2.0.conv1", "layer2.0.conv2"] {
        let layer = compacted.network.layer(named: name)
        #expect(layer.decomposition == decomposition && layer.nodes.count == decomposition.factors.count)
        // The layer gives what one with the truncated matrix gives.
        #expect(compacted.plan.layers.first { $0.name == name }?.form == .lowRank(decomposition, rank: 9))
      }
      #expect(try largestDifference(compacted.truncated, compacted.network) < 1e-5)
    }
  }

  @Test func `a layer made dense by hand says so`() throws {
    let network = try network()
    let plan = try Compressor(PlanSettings(target: .energy(0.5))).plan(for: network)
    let fitted = try compressor.fitted(edited(plan, ["block2.conv_v": { $0["form"] = "dense" }]), to: network)
    #expect(fitted.layers.first { $0.name == "block2.conv_v" }?.reason == .edited)
    #expect(fitted.layers.first { $0.name == "linear" }?.reason == .leftOut)
  }

  @Test func `what does not fit the network is refused in a sentence`() throws {
    let network = try network()
    let plan = try Compressor(PlanSettings(target: .energy(0.5))).plan(for: network)
    func refusal(_ layer: String, _ change: @escaping (inout [String: Any]) -> Void) -> String {
      message { _ = try compressor.fitted(edited(plan, [layer: change]), to: network) }
    }
    let refusals = [
      refusal("block2.conv_v") { $0["name"] = "conv9" }: "has a layer conv9, which the network has not",
      refusal("block2.conv_v") { $0["form"] = ["rank": 99] }: "block2.conv_v is to have rank 99, expected 1 to 24",
      refusal("block2.conv_v") { $0["form"] = ["rank": 0] }: "rank 0, expected 1 to",
      refusal("linear") { $0["form"] = ["rank": 2, "decomposition": "1x1-kxk"] }:
        "linear is to be factorised as 1x1-kxk",
      refusal("block2.conv_v") { $0["units"] = 25 }: "block2.conv_v is to keep 25 units, expected 1 to 24",
      refusal("block2.conv_v") { $0["units"] = 0 }: "0 units, expected 1 to 24",
      refusal("block2.conv_h") { $0["units"] = 24 }: "but 3 of them carry nothing",
      refusal("linear") { $0["units"] = 4 }: "the units of layer linear cannot go",
      refusal("block2.conv_v") { $0["unitsBefore"] = 23 }: "whose layer block2.conv_v has 23 units, not 24",
      refusal("block2.conv_v") { $0["form"] = "sparse" }: "layers[2].form the form is sparse",
      refusal("block2.conv_v") { $0["units"] = nil }: "layers[2] has no units",
    ]
    for (text, words) in refusals { #expect(text.contains(words), "\(text)") }
  }

  @Test func `a plan of another network is refused`() throws {
    let plan = try Compressor(PlanSettings(target: .energy(0.5))).plan(for: network())
    let other = try Network.dec3(input: [1, 16, 20], classes: 5, units: [16, 24, 32], seed: 1).withRandomBatchNorm()
    #expect(message { _ = try compressor.fitted(plan, to: other) }.contains("the plan is of a network of"))
    let less = try Network.cifarResNet(blocks: 1, input: [3, 8, 8], classes: 10, seed: 3)
    #expect(message { _ = try compressor.fitted(plan, to: less) }.contains("make a plan of this network"))
    #expect(
      message { _ = try Plan(json: Data("no".utf8), named: "p.json") }.contains("p.json holds no plan: it is no JSON"))
  }

  @Test func `layers that share their units are changed alike`() throws {
    let network = try Network.cifarResNet(blocks: 1, input: [3, 8, 8], classes: 10, seed: 3).withRandomBatchNorm()
    let plan = try Compressor(PlanSettings(target: .energy(0.9)), skip: []).plan(for: network)
    let name = try #require(plan.widths.keys.sorted().first { $0.contains("+") })
    let coupled = name.split(separator: "+").map(String.init)
    let fewer: (inout [String: Any]) -> Void = { $0["units"] = ($0["units"] as? Int ?? 0) - 1 }
    let text = message { _ = try compressor.fitted(edited(plan, [coupled[0]: fewer]), to: network) }
    #expect(text.contains("shares them with") && text.contains(coupled[1]), "\(text)")
    let all = Dictionary(uniqueKeysWithValues: coupled.map { ($0, fewer) })
    let fitted = try fit(edited(plan, all), network).plan
    for (old, new) in zip(plan.layers, fitted.layers) {
      #expect(new.units == old.units - (coupled.contains(old.name) ? 1 : 0))
    }
  }

  @Test func `a plan by activations needs images again`() throws {
    var plan = try Compressor(PlanSettings(target: .energy(0.5))).plan(for: network())
    plan.activationImages = 512
    #expect(message { _ = try compressor.fitted(plan, to: network()) }.contains("512 images"))
  }
}
