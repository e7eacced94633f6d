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

  /// The network that the script's weights are for.
  private func network(classes: Int = 2) throws -> Network {
    var net = NetworkBuilder(input: [3, 5, 5], seed: 3)
    let x = try net.batchNorm(net.convolution(net.input, "0", units: 4, kernel: [3, 3], bias: true), "1")
    return try net.finish(net.linear(net.flatten(net.globalAveragePool(x)), "2", units: classes))
  }

  private func selection(_ name: String) throws -> WeightSelection {
    WeightSelection(try WeightFile(contentsOf: file(name)), for: try network())
  }

  private func expectWanted(_ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let found = try network().loading(selection(name))
    for (name, tensor) in try Safetensors(contentsOf: file("wanted.safetensors")).tensors() {
      let own = try #require(found.parameters[name], sourceLocation: sourceLocation)
      #expect(own.shape == tensor.shape, sourceLocation: sourceLocation)
      #expect(own.values(as: Float.self) == tensor.values(as: Float.self), "\(name)", sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: [
    "plain", "wrapped", "model", "compiled", "parameters", "doubles", "strided", "channels-last", "views", "beside",
    "before", "renamed", "averaged", "unstarted", "ema", "ema-model", "teacher", "prefixes", "lightning", "criterion",
    "inside", "nested", "list", "subclass", "attributes", "defaultdict", "own-class", "object", "object-inside",
    "buffer",
    "protocol3", "protocol4", "protocol5", "script", "big-endian", "legacy-plain", "legacy-beside", "legacy-object",
    "legacy-views", "legacy-subclass",
  ])
  func `weights are found however they were saved`(name: String) throws { try expectWanted("\(name).pth") }

  @Test(arguments: ["prefix.safetensors", "model.safetensors.index.json", "wanted.safetensors"])
  func `weights are found in safetensors of others`(name: String) throws { try expectWanted(name) }

  @Test func `what was taken is one sentence, and plain weights need none`() throws {
    func note(_ name: String) throws -> String? { try selection(name).note }
    #expect(try note("plain.pth") == nil && note("wanted.safetensors") == nil)
    #expect(try note("wrapped.pth") == "wrapped.pth: weights under state_dict")
    #expect(try note("compiled.pth") == "compiled.pth: weights with prefix _orig_mod.")
    #expect(try note("prefixes.pth") == "prefixes.pth: weights under state_dict, prefix model._orig_mod.module.net.")
    #expect(try note("ema.pth") == "ema.pth: EMA weights under state_dict_ema; not those under state_dict")
    #expect(
      try note("ema-model.pth")
        == "ema-model.pth: EMA weights under model_ema, prefix module.; not those under model")
    #expect(try note("averaged.pth") == "averaged.pth: averaged weights with prefix module.")
    #expect(try note("teacher.pth") == "teacher.pth: weights under student; not those under teacher")
    #expect(
      try note("lightning.pth")
        == "lightning.pth: weights under state_dict, prefix net.; 3 other tensors are not used "
        + "(criterion.weight, accuracy.tp, class_weights)")
    #expect(
      try note("criterion.pth")
        == "criterion.pth: 3 other tensors are not used (criterion.weight, scale, ce.weight)")
    #expect(
      try note("inside.pth") == "inside.pth: weights, names of wrappers inside taken out")
    #expect(
      try note("prefix.safetensors")
        == "prefix.safetensors: weights with prefix module.; 4 other tensors are not used (index, bytes, mask, small)")
  }

  @Test func `layers that the network does not have are no surroundings`() throws {
    let text = message { _ = try network().loading(selection("deeper.pth")) }
    #expect(text == "deeper.pth does not fit the architecture; unexpected: 3.weight")
  }

  @Test func `the classifier alone can be left out`() throws {
    let file = try WeightFile(contentsOf: file("seven.pth"))
    let own = try network(classes: 2)
    #expect(!WeightSelection(file, for: own).fits)
    let body = WeightSelection(file, for: own, leavingOut: ["2.weight", "2.bias"])
    #expect(body.fits)
    let loaded = try own.loading(body)
    #expect(loaded.parameters["2.weight"]?.doubles == own.parameters["2.weight"]?.doubles)
    #expect(loaded.parameters["0.weight"]?.doubles != own.parameters["0.weight"]?.doubles)
    #expect(WeightSelection(file, for: own).shape(of: "2.weight") == [7, 4])
  }

  @Test func `what holds no weights of the network is refused with what to do`() throws {
    func refusal(_ name: String) throws -> String { message { _ = try network().loading(selection(name)) } }
    #expect(try refusal("compressed.pth").contains("compressed"))
    #expect(try refusal("nowhere.pth").contains("does not exist"))
    #expect(try refusal("sparse.pth").contains("2.weight is kept as sparse tensor, expected floats"))
    #expect(try refusal("integers.pth").contains("0.weight is int64, expected floats"))
    let nothing = try refusal("nothing.pth")
    #expect(nothing.contains("none of its") || nothing.contains("missing"))
  }

  @Test func `a checkpoint that is cut off or changed is read or refused, and never traps`() throws {
    for name in ["few.pth", "legacy-few.pth", "object.pth"] {
      let data = try Data(contentsOf: file(name))
      let own = try network()
      for length in stride(from: 0, to: data.count, by: max(1, data.count / 40)) {
        let text = message { _ = try PyTorchCheckpoint.open(Data(data.prefix(length)), name: "x") }
        #expect(text != "nothing was thrown" || length > data.count / 2)
      }
      var noise = Noise(seed: 11)
      for _ in 0..<200 {
        var changed = data
        for _ in 0...(noise.next() % 4) {
          // Most of a file are numbers; what says where they are is at its beginning.
          let place = noise.next() % (noise.next() % 2 == 0 ? changed.count : min(changed.count, 5_000))
          changed[place] = UInt8(truncatingIfNeeded: noise.next())
        }
        _ = message {
          let selection = WeightSelection(try PyTorchCheckpoint.open(changed, name: "x"), for: own)
          _ = (selection.note, selection.misfit)
          _ = try own.loading(selection)
        }
      }
    }
  }

  @Test(arguments: ["]", "}", ")\u{85}", "(", "NQ"])
  func `pickles nested without end exhaust no stack`(opening: String) {
    let opcodes = opening.unicodeScalars.map { UInt8($0.value) }
    let depth = 200_000
    var pickle = Data([0x80, 2])
    for _ in 0..<depth { pickle.append(contentsOf: opcodes) }
    // Each is put into the one before.
    for _ in 0..<depth { pickle.append(UInt8(ascii: opening == "]" ? "a" : "0")) }
    pickle.append(UInt8(ascii: "."))
    _ = message { _ = try PickledTensors.found(in: PickleReader.read(pickle, name: "x"), name: "x") }
  }

  @Test func `a chain built from its outer end, and a circle, are freed link by link`() throws {
    // Each list gets the next one, which the memo keeps: ]q0 then (h0 ]q0 a0) without end.
    var pickle = Data([0x80, 2, 0x5D, 0x71, 0])
    for _ in 0..<200_000 { pickle.append(contentsOf: [0x68, 0, 0x5D, 0x71, 0, 0x61, 0x30]) }
    // The last holds itself.
    pickle.append(contentsOf: [0x68, 0, 0x68, 0, 0x61, 0x2E])
    #expect(try PickledTensors.found(in: PickleReader.read(pickle, name: "x"), name: "x").isEmpty)
  }

  @Test func `what a pickle shares is looked at once, not once for every way to it`() throws {
    // A tuple of twice the one before, a hundred deep with all that it shares.
    var tuples = Data([0x80, 2, 0x29, 0x71, 0])
    for index in 0..<100 {
      tuples.append(contentsOf: [0x68, UInt8(index), 0x68, UInt8(index), 0x86, 0x71, UInt8(index + 1)])
    }
    tuples.append(UInt8(ascii: "."))
    #expect(try PickledTensors.found(in: PickleReader.read(tuples, name: "x"), name: "x").isEmpty)
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
    let document = try PickleReader.read(pickle, name: "x")
    guard case .call("os system", let arguments) = document.root else {
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
        try Compressor(PlanSettings(target: .parameters(0.5), units: .weakest)).compact(
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
    let compact = try Compressor(PlanSettings(target: .parameters(0.5))).compact(network).network
    let source = try PyTorchModule(compact, weights: "w.safetensors").source
    #expect(source.contains("self.add(\"block3.conv_h\", nn.Sequential(nn.Conv2d("))
    #expect(!source.contains("block3.conv_h.0"))
  }
}
