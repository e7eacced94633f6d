import Architectures
import Networks
import Testing

@Suite struct CatalogueTests {
  private func network(_ name: Catalogue) throws -> Network {
    try name.network(input: name.usual.shape, classes: name.usual.classes, seed: 0)
  }

  @Test(arguments: Catalogue.allCases)
  func `every architecture gives as many logits as there are classes`(name: Catalogue) throws {
    let network = try name.withoutWeights(input: name.usual.shape, classes: name.usual.classes)
    #expect(try network.validate()[network.output] == [name.usual.classes])
  }

  @Test(arguments: [
    (Catalogue.resnet20, 19), (.resnet32, 31), (.resnet44, 43), (.resnet56, 55), (.dec8, 16), (.vgg16BatchNorm, 13),
  ])
  func `an architecture has as many convolutions as its name says`(name: Catalogue, count: Int) throws {
    #expect(try network(name).nodes.filter { $0.operation is Convolution }.count == count)
  }

  @Test func `names are those of the usual state dicts`() throws {
    #expect(
      try network(.lenet5).parameterNames
        == ["conv1", "conv2", "fc1", "fc2", "fc3"].flatMap { ["\($0).weight", "\($0).bias"] })
    let resnet = try network(.resnet20).parameterNames
    #expect(resnet.contains("layer3.2.conv2.weight") && resnet.contains("layer2.0.bn1.running_var"))
    let dec3 = try network(.dec3).parameterNames
    #expect(dec3.contains("block1.conv_v.weight") && dec3.contains("block3.bn_h.bias"))
  }

  @Test(arguments: [
    (Catalogue.dec3, 115_588), (.lenet5, 61_706), (.resnet20, 269_722), (.resnet32, 464_154), (.resnet44, 658_586),
    (.resnet56, 853_018), (.resnet18, 11_689_512), (.resnet34, 21_797_672), (.resnet50, 25_557_032),
    (.vgg16BatchNorm, 138_365_992),
  ])
  func `an architecture has the parameters that are known of it`(name: Catalogue, count: Int) throws {
    #expect(try network(name).cost().parameters == count)
  }

  @Test func `equal seeds give equal weights and other seeds do not`() throws {
    func weights(_ seed: UInt64) throws -> [Double]? {
      try Network.dec3(input: [1, 8, 8], classes: 2, seed: seed).parameters["linear.weight"]?.doubles
    }
    #expect(try weights(1) == weights(1))
    #expect(try weights(1) != weights(2))
  }

  @Test func `dec3 can be made narrow`() throws {
    let network = try Network.dec3(input: [1, 32, 32], classes: 2, units: [4, 5, 6], seed: 0)
    #expect(try network.validate()["block3.conv_h"] == [6, 8, 8])
  }

  @Test(arguments: [Catalogue.resnet20, .resnet50Decomposed, .squeezeNet, .visionTransformer])
  func `a network without weights has the shapes of the one with random weights, and zeros`(name: Catalogue) throws {
    let shape = [3, 64, 64]
    let (drawn, counted) = (
      try name.network(input: shape, classes: 5, seed: 0), try name.withoutWeights(input: shape, classes: 5)
    )
    #expect(counted.parameters.mapValues(\.shape) == drawn.parameters.mapValues(\.shape))
    #expect(try counted.cost() == drawn.cost())
    let first = try #require(counted.parameterNames.first)
    #expect(counted.parameters[first]?.maximumMagnitude == 0 && drawn.parameters[first]?.maximumMagnitude != 0)
  }

  @Test(arguments: [Catalogue.dec3, .dec8, .lenet5, .vgg16BatchNorm])
  func `an image that is too small is an error`(name: Catalogue) {
    #expect(throws: NetworkError.self) { try name.network(input: [1, 3, 3], classes: 2, seed: 0) }
  }

  @Test func `option A takes every second pixel and pads half on each side`() throws {
    let nodes = try network(.resnet20).nodes
    #expect(
      nodes.compactMap { $0.operation as? Pad } == [
        Pad(axis: 0, before: 8, after: 8), Pad(axis: 0, before: 16, after: 16),
      ])
    #expect(nodes.compactMap { $0.operation as? Slice }.map(\.step) == [2, 2, 2, 2])
  }
}
