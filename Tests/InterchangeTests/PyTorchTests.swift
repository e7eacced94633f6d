import Architectures
import Compaction
import Containers
import Foundation
import Networks
import Testing
import Torch

@testable import Interchange

/// Files of PyTorch in both directions.
@Suite struct PyTorchTests {
  private static let saved = Result { () throws -> TemporaryFolderBox in
    let folder = try TemporaryFolder()
    try Exchange.python("checkpoints", folder.url)
    return TemporaryFolderBox(folder: folder)
  }

  /// Never changed after it is made.
  private struct TemporaryFolderBox: @unchecked Sendable {
    let folder: TemporaryFolder
  }

  private func file(_ name: String) throws -> URL { try Self.saved.get().folder.url.appending(path: name) }

  @Test(arguments: [
    "plain", "wrapped", "model", "compiled", "parameters", "doubles", "strided", "channels-last", "views",
  ])
  func `weights are read however they were saved`(name: String) throws {
    let found = try PyTorchCheckpoint.weights(contentsOf: file("\(name).pth"))
    let wanted = try Safetensors(contentsOf: file("wanted.safetensors")).tensors()
    #expect(Set(found.keys) == Set(wanted.keys))
    for (name, tensor) in wanted {
      let own = try #require(found[name])
      #expect(own.shape == tensor.shape)
      #expect(own.values(as: Float.self) == tensor.values(as: Float.self), "\(name)")
    }
  }

  @Test func `files of the older format, whole objects and compressed archives are refused with what to do`() throws {
    func refusal(_ name: String) throws -> String {
      let file = try file(name)
      return message { _ = try PyTorchCheckpoint.weights(contentsOf: file) }
    }
    #expect(try refusal("legacy.pth").contains("torch.save(torch.load('legacy.pth'"))
    #expect(try refusal("object.pth").contains("state_dict") || refusal("object.pth").contains("holds no weights"))
    #expect(try refusal("compressed.pth").contains("compressed"))
    #expect(try refusal("wanted.safetensors").contains("no checkpoint"))
    #expect(try refusal("nowhere.pth").contains("cannot be read"))
  }

  @Test func `a checkpoint that is cut off or changed is read or refused, and never traps`() throws {
    let data = try Data(contentsOf: file("wrapped.pth"))
    let place = try TemporaryFolder()
    let copy = place.url.appending(path: "x.pth")
    for length in stride(from: 0, to: data.count, by: max(1, data.count / 60)) {
      try data.prefix(length).write(to: copy)
      #expect(message { _ = try PyTorchCheckpoint.weights(contentsOf: copy) } != "nothing was thrown")
    }
    var noise = Noise(seed: 11)
    for _ in 0..<1000 {
      var changed = data
      for _ in 0...(noise.next() % 4) {
        changed[noise.next() % changed.count] = UInt8(truncatingIfNeeded: noise.next())
      }
      try changed.write(to: copy)
      _ = message { _ = try PyTorchCheckpoint.weights(contentsOf: copy) }
    }
  }

  @Test(arguments: ["]", "}", ")\u{85}", "("])
  func `pickles nested without end are refused`(opening: String) {
    let opcodes = opening.unicodeScalars.map { UInt8($0.value) }
    let depth = 200_000
    var pickle = Data([0x80, 2])
    for _ in 0..<depth { pickle.append(contentsOf: opcodes) }
    // Each is put into the one before.
    for _ in 0..<depth { pickle.append(UInt8(ascii: opening == "]" ? "a" : "0")) }
    pickle.append(UInt8(ascii: "."))
    #expect(message { _ = try PickleReader.read(pickle, name: "x") } != "nothing was thrown")
  }

  @Test func `what a pickle shares is looked at once, not once for every way to it`() throws {
    // A tuple of twice the one before, forty deep with all that it shares: refused as too deep, at once.
    var tuples = Data([0x80, 2, 0x29, 0x71, 0])
    for index in 0..<40 {
      tuples.append(contentsOf: [0x68, UInt8(index), 0x68, UInt8(index), 0x86, 0x71, UInt8(index + 1)])
    }
    tuples.append(UInt8(ascii: "."))
    let clock = ContinuousClock.now
    #expect(message { _ = try PickleReader.read(tuples, name: "x") }.contains("damaged"))
    #expect(clock.duration(to: .now) < .seconds(1))
  }

  @Test func `text is a literal of Python that holds nothing but itself`() {
    #expect(PythonText.literal("layer1.0") == "\"layer1.0\"")
    #expect(PythonText.literal("a\", x()\\\n") == #""a\", x()\\\U0000000a""#)
    #expect(PythonText.literal("é") == #""\U000000e9""#)
  }

  @Test func `every name is a variable of its own and no word of Python's`() {
    var free = PythonVariables()
    let names = ["a.b", "a_b", "class", "torch", "0", "x"].map { free.variable(for: $0) }
    #expect(names == ["a_b", "a_b_", "class_", "torch_", "v_0", "x_"])
  }

  /// A network whose names are what Python trips over, with batch norms on vectors and bounds without an end.
  private func awkward() throws -> Network {
    var net = NetworkBuilder(input: [6, 1, 1], seed: 1)
    var x = try net.flatten(net.input)
    for name in ["a.b", "a_b", "class", "torch", "layer", "quo\"te", "back\\slash", "é"] {
      x = try net.linear(x, name, units: 6)
      x = try net.batchNorm(x, name + ".norm")
      x = try net.append(Activation.clip(low: -1, high: .greatestFiniteMagnitude), reading: [x])
    }
    return try net.finish(net.linear(x, "last", units: 3))
  }

  @Test func `a pickle that would run something is only read`() throws {
    // cos\nsystem\n(U…tR.: what a hostile file holds.
    let pickle = Data("cos\nsystem\n(U\u{4}trueU\u{4}true0tR.".utf8)
    guard case .call("os system", let arguments) = try PickleReader.read(pickle, name: "x") else {
      Issue.record("expected the call as a value")
      return
    }
    #expect(arguments.items.count == 1)
  }

  @Test func `the module of plain torch.nn computes what the network does`() throws {
    let folder = try TemporaryFolder()
    let exported = try Exchange.exported.get()
    var networks: [String: Network] = [
      "lenet5": try .lenet5(input: [1, 28, 28], classes: 10, seed: 1),
      "resnet20": try Catalogue.resnet20.network(input: [3, 32, 32], classes: 10, seed: 1),
      "resnet50": try Catalogue.resnet50.network(input: [3, 32, 32], classes: 10, seed: 1).thinned(to: 0.125),
      "dec3": try .dec3(input: [3, 32, 32], classes: 7, seed: 1),
      "awkward": try awkward(),
      "gated": try ONNXFile.model(contentsOf: exported.appending(path: "gated-script.onnx")).network,
      "sloped": try ONNXFile.model(contentsOf: exported.appending(path: "sloped-script.onnx")).network,
      "vit": try ONNXFile.model(contentsOf: exported.appending(path: "vit-script.onnx")).network,
      // This exporter loses names of weights and keeps equal biases once, under the name of one.
      "vit_unnamed": try ONNXFile.model(contentsOf: exported.appending(path: "vit-export.onnx")).network,
      "swin": try ONNXFile.model(contentsOf: exported.appending(path: "swin-export.onnx")).network,
      "mobilenet": try ONNXFile.model(contentsOf: exported.appending(path: "mobilenet_v2-script.onnx")).network,
    ]
    for name in ["lenet5", "resnet20", "dec3"] {
      networks[name + "_compact"] =
        try Compactor(Planner(goal: .parameters(0.5), units: .weakest)).compact(
          networks[name]
            ?? Network.dec3(
              input: [3, 32, 32], classes: 7, seed: 1)
        ).network
    }
    var wanted: [String: Tensor] = [:]
    for (name, network) in networks {
      let module = try PyTorchModule(network, weights: "\(name).safetensors")
      try plainModel(module.network).write(to: folder.url.appending(path: "\(name).safetensors"))
      try module.source.write(to: folder.url.appending(path: "\(name).py"), atomically: true, encoding: .utf8)
      let images = Tensor.normal([2] + network.inputShape, using: Generator(seed: 2))
      try Exchange.write(images, to: folder.url.appending(path: "\(name).in"))
      wanted[name] = try network(images)
    }
    try Exchange.python("modules", folder.url)
    for (name, output) in wanted {
      let found = try Exchange.tensor(folder.url.appending(path: "\(name).out"), shape: output.shape)
      #expect(try relativeDifference(found, output) < 1e-5, "\(name)")
    }
  }

  @Test func `factor pairs are an nn.Sequential`() throws {
    let network = try Network.dec3(input: [3, 32, 32], classes: 7, seed: 1)
    let compact = try Compactor(Planner(goal: .parameters(0.5))).compact(network).network
    let source = try PyTorchModule(compact, weights: "w.safetensors").source
    #expect(source.contains("self.add(\"block3.conv_h\", nn.Sequential(nn.Conv2d("))
    #expect(!source.contains("block3.conv_h.0"))
  }
}
