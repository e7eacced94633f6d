import Architectures
import Networks
import Testing

/// Architectures that are built one way for ImageNet and another for small images.
@Suite struct ImageNetTests {
  @Test func `a residual network has ImageNet's stem from 64 pixels on and a small one below`() throws {
    func shapes(_ side: Int) throws -> [String: [Int]] {
      try Network.resNet(.resnet18, input: [3, side, side], classes: 10, seed: 0).validate()
    }
    #expect(try shapes(64)["conv1"] == [64, 32, 32] && shapes(64)["layer1.0.conv1"] == [64, 16, 16])
    #expect(try shapes(63)["conv1"] == [64, 63, 63] && shapes(63)["layer1.0.conv1"] == [64, 63, 63])
  }

  @Test func `bottlenecks have their stride in the 3×3 convolution`() throws {
    let network = try Network.resNet(.resnet50, input: [3, 32, 32], classes: 10, seed: 0)
    let strides = (1...3).map { (network["layer2.0.conv\($0)"]?.operation as? Convolution)?.geometry.stride }
    #expect(strides == [[1, 1], [2, 2], [1, 1]])
  }

  @Test func `VGG-16 for small images has one classifier`() throws {
    let network = try Catalogue.vgg16BatchNorm.network(input: [3, 32, 32], classes: 10, seed: 0)
    #expect(network.nodes.filter { $0.operation is Linear }.map(\.name) == ["classifier"])
    #expect(try network.validate()["features.40"] == [512, 2, 2])
  }

  @Test func `VGG-16 refuses images whose pooling windows would differ`() {
    let error = #expect(throws: NetworkError.self) {
      try Catalogue.vgg16BatchNorm.network(input: [3, 288, 288], classes: 10, seed: 0)
    }
    #expect(
      error?.description
        == "cannot pool 9×9 pixels to 7×7 in equal windows; give images of 224×224 or 256×256 pixels")
  }

  @Test func `the wide variant of dec8 differs in its last four blocks`() throws {
    func units(_ name: Catalogue) throws -> [Int?] {
      let shapes = try name.network(input: [3, 32, 32], classes: 10, seed: 0).validate()
      return (1...8).map { shapes["block\($0).conv_h"]?.first }
    }
    #expect(try units(.dec8) == [64, 128, 256, 256, 256, 256, 256, 256])
    #expect(try units(.dec8Wide) == [64, 128, 256, 256, 512, 512, 512, 512])
  }

  @Test func `of the decomposed ResNet-50 only the stem is square`() throws {
    let network = try Network.decomposedResNet50(input: [3, 32, 32], classes: 10, seed: 0)
    let square = network.nodes.filter { node in
      let kernel = network.parameter(.weight, of: node)?.shape.dropFirst(2) ?? []
      return kernel.count == 2 && kernel.allSatisfy { $0 > 1 }
    }
    #expect(square.map(\.name) == ["conv1"])
    let names = network.nodes.map(\.name).filter { $0.hasPrefix("layer2.0.") && $0.contains("2") }
    #expect(names.contains("layer2.0.bn2_v") && names.contains("layer2.0.conv2_relu"))
  }
}
