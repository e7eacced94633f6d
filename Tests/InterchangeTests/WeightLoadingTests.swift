import Architectures
import Containers
import Foundation
import Interchange
import Networks
import Testing
import Torch

@Suite struct WeightLoadingTests {
  private let network: Network
  private let folder: TemporaryFolder

  init() throws {
    network = try Network.lenet5(input: [1, 28, 28], classes: 10, seed: 0)
    folder = try TemporaryFolder()
  }

  @Test func `every parameter is taken from the weights`() throws {
    let weights = network.parameters.mapValues { $0 * 2 + 1 }
    let loaded = try network.loading(weights, from: "w")
    for (name, tensor) in weights { #expect(loaded.parameters[name]?.doubles == tensor.doubles) }
  }

  @Test func `one error tells what is missing, unexpected and misshapen`() {
    var weights = network.parameters
    weights["fc1.bias"] = nil
    weights["fc2.weight"] = .ones([3])
    weights["fc9.weight"] = .ones([1])
    weights["fc8.weight"] = .ones([1])
    #expect(
      message { _ = try network.loading(weights, from: "w.safetensors") }
        == "w.safetensors does not fit the architecture; missing: fc1.bias; unexpected: fc8.weight, fc9.weight; "
        + "misshapen: fc2.weight is [3], expected [84, 120]")
  }

  @Test func `what is found nowhere is told with names from both sides`() {
    let text = message { _ = try network.loading(["features.0.kernel": .ones([2, 2])], from: "w.pth") }
    #expect(
      text
        == "w.pth does not fit the architecture: none of its 1 tensors has the name of a parameter of the network; "
        + "expected conv1.bias, conv1.weight, conv2.bias and 7 more, found features.0.kernel; name the architecture that the "
        + "weights "
        + "are of")
    #expect(message { _ = try network.loading([:], from: "w.pth") }.contains("holds no weights"))
  }

  @Test func `one part of several says so`() {
    var weights = network.parameters
    weights["fc1.bias"] = nil
    let text = message { _ = try network.loading(weights, from: "model-00001-of-00002.safetensors") }
    #expect(text.hasSuffix("missing: fc1.bias; it is part 1 of 2, give the index of all parts"))
  }

  @Test func `of the same weights under several prefixes one is taken`() throws {
    var weights: [String: Tensor] = [:]
    for (name, tensor) in network.parameters {
      for (prefix, factor) in [("momentum.", 3.0), ("model.", 2.0), ("optimizer.", 5.0)] {
        weights[prefix + name] = tensor * factor
      }
    }
    let loaded = try network.loading(weights, from: "w")
    for (name, tensor) in network.parameters {
      #expect(loaded.parameters[name]?.doubles == (tensor * 2).doubles)
    }
  }

  @Test(arguments: [Tensor.DType.float64, .float16, .bfloat16])
  func `weights of other types are read as float32`(dtype: Tensor.DType) throws {
    let file = folder.url.appending(path: "w.safetensors")
    try TensorFile.write(["w": Tensor([1.5, -2.0], shape: [2]).to(dtype)], metadata: [:], to: file)
    let read = try #require(Safetensors(contentsOf: file).tensors()["w"])
    #expect(read.dtype == .float32 && read.doubles == [1.5, -2])
  }

  @Test func `counts of batches are left out`() throws {
    let file = folder.url.appending(path: "w.safetensors")
    let tensors = ["bn.num_batches_tracked": Tensor([Int64(3)], shape: []), "bn.weight": .ones([2])]
    try TensorFile.write(tensors, metadata: [:], to: file)
    #expect(try Safetensors(contentsOf: file).tensors().keys.sorted() == ["bn.weight"])
  }

  @Test func `a type that weights do not have is named`() throws {
    let file = folder.url.appending(path: "w.safetensors")
    try TensorFile.write(["w": Tensor([UInt8(1)], shape: [1])], metadata: [:], to: file)
    let text = message { _ = try Safetensors(contentsOf: file).tensors() }
    #expect(text.hasPrefix("tensor w in w.safetensors is of type U8, expected F32"))
  }

  @Test func `scalars, empty tensors and views are written as they are read`() throws {
    let file = folder.url.appending(path: "w.safetensors")
    let matrix = Tensor([1.0, 2, 3, 4, 5, 6], shape: [2, 3]).to(.float32)
    try TensorFile.write(
      ["view": matrix.transposed, "empty": .zeros([0, 2]), "scalar": matrix.sum], metadata: [:], to: file)
    let read = try Safetensors(contentsOf: file).tensors()
    #expect(read["view"]?.shape == [3, 2] && read["view"]?.doubles == [1, 4, 2, 5, 3, 6])
    #expect(read["empty"]?.shape == [0, 2])
    #expect(read["scalar"]?.shape == [] && read["scalar"]?.item == 21)
  }

  @Test(arguments: [
    (Catalogue.denseNet121, [(".norm1.", ".norm.1."), (".conv2.", ".conv.2.")]),
    (.visionTransformer, [(".mlp.0.", ".mlp.linear_1."), (".mlp.3.", ".mlp.linear_2.")]),
  ])
  func `names that torchvision's files have from earlier versions are those of today`(
    name: Catalogue, former: [(String, String)]
  ) throws {
    let network = try name.withoutWeights(input: [3, 32, 32], classes: 10)
    let old = network.parameters.map { name, tensor in
      (former.reduce(name) { $0.contains("layer") ? $0.replacing($1.0, with: $1.1) : $0 }, tensor)
    }
    #expect(Set(old.map(\.0)) != Set(network.parameters.keys))
    let raised = Dictionary(uniqueKeysWithValues: old).mapValues { $0 + 2 }
    let loaded = try network.loading(raised, from: "old.pth")
    #expect(loaded.parameterNames.allSatisfy { (loaded.parameters[$0]?.maximumMagnitude ?? 0) >= 2 })
  }

  @Test func `a file without a network's masks fits, since they are of its definition`() throws {
    let network = try Catalogue.swinTiny.withoutWeights(input: [3, 64, 64], classes: 10)
    let mask = "features.1.1.attn.mask.constant"
    let given = network.parameters.filter { !$0.key.hasSuffix(".constant") }
    #expect(given.count < network.parameters.count)
    let loaded = try network.loading(given, from: "swin_t.pth")
    #expect(loaded.parameters[mask]?.maximumMagnitude == 100)
    #expect(try network.loading(network.parameters, from: "swin_t.safetensors").parameters[mask] != nil)
  }

  static let weights = ProcessInfo.processInfo.environment["THRESH_DATA"].map { URL(filePath: $0) }

  @Test(.enabled(if: weights != nil, "THRESH_DATA names the folder of the given data"))
  func `the pretrained weights of resnet20 load and give PyTorch's logits`() throws {
    let data = try #require(Self.weights)
    let weights = try Safetensors(contentsOf: data.appending(path: "weights/resnet20-cifar10.safetensors")).tensors()
    let network = try Catalogue.resnet20.network(input: [3, 32, 32], classes: 10, seed: 0)
      .loading(weights, from: "resnet20-cifar10.safetensors")
    let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/given_weights.safetensors")
    let given = try Safetensors(contentsOf: fixtures).tensors()
    let (input, expected) = (try #require(given["input"]), try #require(given["resnet20.logits"]))
    let found = try network(input)
    #expect((found - expected).maximumMagnitude < 1e-4 * expected.maximumMagnitude)
  }
}
