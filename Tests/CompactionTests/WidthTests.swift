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

  @Test(arguments: [11_500, 400_000]) func `the width for a number of parameters comes near it and stays under`(
    limit: Int
  ) throws {
    let whole = try Network.dec3(input: [1, 32, 32], classes: 36, seed: 0)
    let width = try whole.width(withinParameters: limit, upTo: 4)
    let count = try whole.scaled(toWidth: width, seed: 1).cost().parameters
    #expect(count <= limit)
    #expect(Double(count) > 0.9 * Double(limit))
    #expect(try whole.width(withinParameters: 1) == 0)
  }

  @Test(arguments: [0.5, 2]) func `weights of linear layers of another width are drawn for their own inputs`(
    width: Double
  ) throws {
    let usual = try Network.lenet5(input: [1, 28, 28], classes: 10, seed: 0)
    let scaled = try usual.scaled(toWidth: width, seed: 1)
    for layer in scaled.matrixLayers {
      let weight = try #require(scaled.parameters[layer.weights[0]])
      let before = try #require(usual.parameters[layer.weights[0]])
      // Of a few hundred numbers the mean says little.
      guard weight.shape.count == 2, min(weight.count, before.count) > 1000 else { continue }
      // E w² goes as the inverse of the inputs, so that a unit's Σw² stays.
      func energy(_ tensor: Tensor) -> Double {
        tensor.doubles.map { $0 * $0 }.reduce(0, +) / Double(tensor.shape[0])
      }
      #expect(abs(energy(weight) / energy(before) - 1) < 0.35, "\(layer.name)")
    }
    let same = try usual.scaled(toWidth: 1, seed: 1)
    #expect(same.parameters["fc1.weight"]?.doubles == usual.parameters["fc1.weight"]?.doubles)
  }

  @Test func `a widened network is the one that is built with so many more units`() throws {
    let wide = try small().widened(by: 2.5, seed: 1)
    let built = try Network.dec3(input: [1, 16, 16], classes: 4, units: [10, 15, 20], seed: 3)
    #expect(wide.parameters.mapValues(\.shape) == built.parameters.mapValues(\.shape))
  }

  /// Those whose channels can be followed; transformers and shuffled channels keep their widths.
  @Test(arguments: [
    Catalogue.dec3, .dec8, .dec8Wide, .lenet5, .resnet20, .resnet56, .resnet18, .resnet34, .resnet50,
    .resnet50Decomposed, .wideResNet50, .resNeXt50, .vgg11, .vgg16BatchNorm, .mobileNetV2, .mobileNetV3Small, .mnasNet,
    .squeezeNet, .efficientNetB0, .regNetY400MF, .denseNet121,
  ])
  func `architectures are built wider, with weights that are all its own`(name: Catalogue) throws {
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
