import Architectures
import Containers
import Foundation
import Interchange
import Networks
import Testing
import Torch

@Suite struct ModelTests {
  private let folder: TemporaryFolder
  private var file: URL { folder.url.appending(path: "model.safetensors") }

  init() throws { folder = try TemporaryFolder() }

  private func roundTrip(_ model: Model) throws -> Model {
    try model.write(to: file)
    return try Model(contentsOf: file)
  }

  @Test func `a model comes back bit by bit`() throws {
    let model = try sampleModel()
    let read = try roundTrip(model)
    #expect(read.network.parameterNames == model.network.parameterNames)
    for (name, tensor) in model.network.parameters {
      let other = try #require(read.network.parameters[name])
      #expect(other.shape == tensor.shape && other.dtype == .float32)
      #expect(other.values(as: Float.self).map(\.bitPattern) == tensor.values(as: Float.self).map(\.bitPattern))
    }
    #expect(read.network.nodes.map(\.name) == model.network.nodes.map(\.name))
    #expect(read.network.inputShape == [1, 8, 8] && read.network.output == "linear")
  }

  @Test func `what describes a model comes back, whatever script it is in`() throws {
    let model = try sampleModel()
    let read = try roundTrip(model)
    #expect(read.classNames == model.classNames)
    #expect(read.preprocessing == model.preprocessing)
    #expect(read.recipe == model.recipe && read.plan == model.plan && read.figures == model.figures)
  }

  @Test func `what a model does not have stays absent`() throws {
    var model = try sampleModel()
    (model.recipe, model.plan, model.figures) = (nil, nil, [:])
    let read = try roundTrip(model)
    #expect(read.recipe == nil && read.plan == nil && read.figures.isEmpty)
  }

  @Test func `figures that are no numbers are left out`() throws {
    var model = try sampleModel()
    model.figures["loss"] = .nan
    #expect(try roundTrip(model).figures == ["top1": 91.25, "epoch": 3])
  }

  @Test func `the read model computes the same`() throws {
    let model = try sampleModel()
    let batch = Tensor.normal([2, 1, 8, 8], using: Generator(seed: 0))
    #expect(try roundTrip(model).network(batch).doubles == model.network(batch).doubles)
  }

  @Test func `equal models give equal files`() throws {
    let other = folder.url.appending(path: "other.safetensors")
    try sampleModel().write(to: file)
    try sampleModel().write(to: other)
    #expect(try Data(contentsOf: file) == Data(contentsOf: other))
  }

  @Test func `a file tells whether it is a model`() throws {
    try sampleModel().write(to: file)
    #expect(try Model.isModel(Safetensors(contentsOf: file)))
    try TensorFile.write(["a": .ones([1])], metadata: [:], to: file)
    #expect(try !Model.isModel(Safetensors(contentsOf: file)))
  }

  @Test func `a parameter that no node uses is not read back`() throws {
    var model = try sampleModel()
    model.network.parameters["stray"] = .ones([7])
    #expect(try roundTrip(model).network.parameters["stray"] == nil)
  }
}

/// Files whose metadata was damaged on the way.
@Suite struct DamagedModelTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// What is said of the sample's file after `damage` to its metadata and tensors.
  private func complaint(_ damage: (inout [String: String], inout [String: Tensor]) throws -> Void) throws -> String {
    let file = folder.url.appending(path: "m.safetensors")
    try sampleModel().write(to: file)
    let stored = try Safetensors(contentsOf: file)
    var (metadata, tensors) = (stored.metadata, try stored.tensors())
    try damage(&metadata, &tensors)
    let other = folder.url.appending(path: "damaged.safetensors")
    try TensorFile.write(tensors, metadata: metadata, to: other)
    do {
      _ = try Model(contentsOf: other)
      return "nothing was thrown"
    } catch let error as ContainerError {
      return error.description
    }
  }

  @Test func `the file as it was is fine`() throws {
    #expect(try complaint { _, _ in } == "nothing was thrown")
  }

  @Test(arguments: ["architecture", "preprocessing", "classes"])
  func `metadata that is missing is named`(key: String) throws {
    #expect(try complaint { metadata, _ in metadata[key] = nil } == "damaged.safetensors has no \(key) in its metadata")
  }

  @Test(arguments: ["architecture", "preprocessing", "classes"], ["", "{", "[]]", "{}", "null", "3", #""text""#])
  func `metadata that is no JSON or another is named`(key: String, text: String) throws {
    let said = try complaint { metadata, _ in metadata[key] = text }
    #expect(said.hasPrefix("damaged.safetensors ") && said.contains(key))
  }

  @Test func `weights without an architecture are told from a model`() throws {
    #expect(try complaint { metadata, _ in metadata["thresh"] = nil }.contains("`weights`"))
    #expect(try complaint { metadata, _ in metadata["thresh"] = "2" }.contains("of format 2, expected 1"))
  }

  @Test func `a missing tensor is named`() throws {
    let said = try complaint { _, tensors in tensors["linear.weight"] = nil }
    #expect(said.contains("node linear uses parameter linear.weight, which is missing"))
  }

  @Test func `a tensor of another shape or type is named`() throws {
    #expect(try complaint { _, tensors in tensors["linear.weight"] = .ones([3, 5]) }.contains("node linear"))
    #expect(
      try complaint { _, tensors in tensors["linear.bias"] = Tensor([Int64(1), 2, 3], shape: [3]) }.contains("int64"))
  }

  @Test(arguments: [
    (#""name":"linear""#, #""name":"flatten""#), (#""inputs":["input"]"#, #""inputs":["moon"]"#),
    (#""output":"linear""#, #""output":"moon""#), (#""linear":{}"#, #""fourier":{}"#),
    (#""inputShape":[1,8,8]"#, #""inputShape":[1,8]"#), (#""inputShape":[1,8,8]"#, #""inputShape":[1,-8,8]"#),
    (#""inputShape":[1,8,8]"#, #""inputShape":[1,9223372036854775807,9223372036854775807]"#),
    (#""stride":[1,1]"#, #""stride":[1,0]"#), (#""stride":[1,1]"#, #""stride":[]"#),
    (#""padding":[2,0]"#, #""padding":[9223372036854775807,0]"#), (#""groups":1"#, #""groups":0"#),
    (#""groups":1"#, #""groups":-9223372036854775808"#), (#""dilation":[1,1]"#, #""dilation":[0,1]"#),
    (#""kernel":[2,2]"#, #""kernel":[]"#), (#""epsilon""#, #""epsilom""#), (#""weight":"#, #""wait":"#),
    (#""inputs":["input"]"#, #""inputs":[]"#),
  ])
  func `an architecture that was tampered with is refused`(right: String, wrong: String) throws {
    let said = try complaint { metadata, _ in
      let text = try #require(metadata["architecture"])
      let changed = text.replacing(right, with: wrong)
      try #require(changed != text, "\(right) is not in \(text)")
      metadata["architecture"] = changed
    }
    #expect(said.hasPrefix("damaged.safetensors "))
  }

  @Test(arguments: [
    (#""height":8"#, #""height":9"#), (#""channelOrder":"grey""#, #""channelOrder":"RGB""#),
    (#""std":[0.3"#, #""std":[-0.3"#), (#""std":[0.3"#, #""std":[0,0.3"#), (#""mean":[0.1"#, #""mean":[1,0.1"#),
  ])
  func `preprocessing that does not fit the network is refused`(right: String, wrong: String) throws {
    let said = try complaint { metadata, _ in
      let text = try #require(metadata["preprocessing"])
      let changed = text.replacing(right, with: wrong)
      try #require(changed != text, "\(right) is not in \(text)")
      metadata["preprocessing"] = changed
    }
    #expect(said.hasPrefix("damaged.safetensors "))
  }

  @Test func `another number of class names than outputs is refused`() throws {
    #expect(try complaint { metadata, _ in metadata["classes"] = #"["a","b"]"# }.contains("2 class names"))
  }
}
