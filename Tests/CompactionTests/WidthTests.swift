import Architectures
import Networks
import Testing
import Torch

@testable import Compaction

struct WidthTests {
  private func small() throws -> Network {
    try .dec3(input: [1, 16, 16], classes: 4, units: [4, 6, 8], seed: 3)
  }

  @Test func `a thinned network has the fraction of the units, and runs`() throws {
    let thin = try small().thinned(to: 0.5)
    #expect(thin.parameters["block1.conv_v.weight"]?.shape == [2, 1, 5, 1])
    #expect(thin.parameters["block3.conv_h.weight"]?.shape == [4, 4, 1, 3])
    #expect(try thin(Tensor.ones([2, 1, 16, 16])).shape == [2, 4])
  }

  @Test func `a residual network thins group by group, pads counted again`() throws {
    let whole = try Network.cifarResNet(blocks: 1, input: [3, 32, 32], classes: 10, seed: 0)
    let thin = try whole.thinned(to: 0.5)
    #expect(thin.parameters["conv1.weight"]?.shape[0] == 8)
    #expect(thin.parameters["layer3.0.conv2.weight"]?.shape[0] == 32)
    #expect(try thin(Tensor.ones([1, 3, 32, 32])).shape == [1, 10])
  }

  @Test func `thinning to a number of parameters comes near it and stays under`() throws {
    let whole = try Network.dec3(input: [1, 32, 32], classes: 36, seed: 0)
    let count = try whole.thinned(toParameters: 11_500).cost().parameters
    #expect(count <= 11_500)
    #expect(count > 10_000)
  }

  @Test func `a widened network is the one that is built with so many more units`() throws {
    let wide = try small().widened(by: 2.5, seed: 1)
    let built = try Network.dec3(input: [1, 16, 16], classes: 4, units: [10, 15, 20], seed: 3)
    #expect(wide.parameters.mapValues(\.shape) == built.parameters.mapValues(\.shape))
  }

  @Test(arguments: Catalogue.allCases)
  func `every architecture is built wider, with weights that are all its own`(name: Catalogue) throws {
    let side = max(name.usual.shape[1] / 4, 28)
    let shape = [name.usual.shape[0], side, side]
    let usual = try name.network(input: shape, classes: 10, seed: 3).thinned(to: 0.25)
    let wide = try usual.widened(by: 1.5, seed: 1)
    #expect(try wide.cost().parameters > usual.cost().parameters * 3 / 2)
    #expect(try wide(Tensor.ones([1] + shape)).shape == [1, 10])
    let first = try #require(wide.nodes.first { $0.operation is any WeightedOperation })
    let filters = try #require(wide.parameter(.weight, of: first)).flattened(from: 1)
    let width = filters.shape[1]
    let rows = (0..<filters.shape[0]).map { Array(filters.doubles[$0 * width..<($0 + 1) * width]) }
    #expect(Set(rows).count == rows.count)
  }
}
