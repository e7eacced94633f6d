@testable import Networks
import Architectures
import Testing
import Torch

/// A network made ready for use computes what it computes node by node in float64, where libtorch does all of it.
@Suite struct InferenceTests {
  /// Architectures, small and with every kind of layer between them.
  private static let networks: [(String, [Int], @Sendable () throws -> Network)] = [
    ("dec3", [3, 32, 32], { try .dec3(input: [3, 32, 32], classes: 10, seed: 0) }),
    ("lenet5", [1, 28, 28], { try .lenet5(input: [1, 28, 28], classes: 10, seed: 0) }),
    ("resnet20", [3, 32, 32], { try Catalogue.resnet20.network(input: [3, 32, 32], classes: 10, seed: 0) }),
    ("resnet18", [3, 64, 64], { try Catalogue.resnet18.network(input: [3, 64, 64], classes: 10, seed: 0) }),
    ("resnet50", [3, 32, 32], { try Catalogue.resnet50.network(input: [3, 32, 32], classes: 10, seed: 0) }),
  ]

  @Test(arguments: networks.indices, [1, 7])
  func `an architecture with statistics of its own gives the same`(_ index: Int, _ batch: Int) throws {
    let (_, input, make) = Self.networks[index]
    let network = withStatistics(try make())
    let images = Tensor.normal([batch] + input, using: Generator(seed: 1))
    let wanted = try exact(network, images)
    // Made for one image; another batch is computed too.
    expectClose(try Program(network, .inference(batch: 1))(images), wanted, within: 2e-5)
    expectClose(try Program(network, .inference(batch: batch))(images.channelsLast), wanted, within: 2e-5)
  }

  @Test func `in float64 it is the network itself`() throws {
    let network = withStatistics(try .dec3(input: [3, 32, 32], classes: 10, seed: 0)).to(.float64)
    let images = Tensor.normal([2, 3, 32, 32], dtype: .float64, using: Generator(seed: 1))
    expectClose(try Program(network, .inference(batch: 1))(images), try network(images), within: 1e-12)
  }

  @Test func `what is stored is added to every image`() throws {
    var net = NetworkBuilder(input: [3, 8, 8], seed: 0)
    let x = try net.convolution(net.input, "conv", units: 3, kernel: [3, 3], padding: [1, 1])
    let places = try net.append(
      Stored(), "places", reading: [], parameters: [.weight: .normal([3, 8, 8], using: Generator(seed: 2))])
    let network = try net.finish(net.relu(net.append(Elementwise.add, reading: [x, places])))
    let images = Tensor.normal([3, 3, 8, 8], using: Generator(seed: 1))
    expectClose(try Program(network, .inference(batch: 1))(images), try exact(network, images), within: 1e-5)
    #expect(network.constantValues == ["places"])
  }

  @Test func `a value that is read twice stays to be read`() throws {
    var net = NetworkBuilder(input: [3, 8, 8], seed: 0)
    let x = try net.convolution(net.input, "conv1", units: 3, kernel: [3, 3], padding: [1, 1])
    // conv1 under its ReLU and without it; the input is added; a sum of a value with itself; two convolutions added.
    let y = try net.append(Elementwise.add, reading: [net.relu(x), x])
    let z = try net.append(
      Elementwise.add, reading: [net.convolution(y, "conv2", units: 3, kernel: [1, 1]), net.input])
    let doubled = try net.append(Elementwise.add, reading: [z, z])
    let first = try net.convolution(doubled, "conv3", units: 4, kernel: [3, 3], padding: [1, 1])
    let second = try net.convolution(doubled, "conv4", units: 4, kernel: [1, 1])
    let sum = try net.relu(net.append(Elementwise.add, reading: [first, second]))
    let network = try net.finish(sum)
    let images = Tensor.normal([2, 3, 8, 8], using: Generator(seed: 1))
    let inference = try Program(network, .inference(batch: 1))
    let given = images.doubles
    expectClose(inference(images), try exact(network, images))
    #expect(images.doubles == given, "the images were written to")
  }

  @Test func `a pair of factors is one instruction, unless something stands between them`() throws {
    var net = NetworkBuilder(input: [16, 9, 8], seed: 0)
    let pair = try net.convolution(
      net.convolution(net.input, "pair.0", units: 7, kernel: [3, 1], padding: [1, 0], bias: false), "pair.1", units: 16,
      kernel: [1, 3], padding: [0, 1])
    let shifted = try net.convolution(
      net.convolution(net.relu(pair), "shifted.0", units: 5, kernel: [1, 1], bias: true), "shifted.1", units: 16,
      kernel: [3, 3], padding: [1, 1])
    let bent = try net.convolution(
      net.relu(net.convolution(shifted, "bent.0", units: 5, kernel: [1, 1], bias: false)), "bent.1", units: 16,
      kernel: [1, 1])
    let first = try net.convolution(bent, "twice.0", units: 4, kernel: [1, 1], bias: false)
    let twice = try net.append(
      Elementwise.add, reading: [first, net.convolution(first, "twice.1", units: 4, kernel: [1, 1])])
    let others = try net.convolution(
      net.convolution(twice, "one", units: 4, kernel: [1, 1], bias: false), "other", units: 4, kernel: [1, 1])
    let network = try net.finish(others).recognizingFactors()
    let joined = try instructions(network).map { $0.nodes.map(\.name) }.filter { $0.count > 1 }
    // oneDNN has no pairs.
    #expect(joined == (PackedConvolution.hasDirectKernels ? [["pair.0", "pair.1"]] : []))
    let images = Tensor.normal([3, 16, 9, 8], using: Generator(seed: 1))
    expectClose(try Program(network, .inference(batch: 1))(images), try exact(network, images))
  }

  @Test func `of three factors two are one instruction, and what they give is right`() throws {
    var net = NetworkBuilder(input: [16, 9, 8], seed: 0)
    let first = try net.convolution(net.input, "conv.0", units: 7, kernel: [1, 1])
    let core = try net.convolution(first, "conv.1", units: 6, kernel: [3, 3], stride: [2, 1], padding: [1, 1])
    let last = try net.convolution(core, "conv.2", units: 16, kernel: [1, 1], bias: true)
    let network = try net.finish(net.relu(last)).recognizingFactors()
    #expect(network.matrixLayers.map(\.decomposition) == [.tucker])
    let joined = try instructions(network).map { $0.nodes.map(\.name) }
    #expect(
      joined
        == (PackedConvolution.hasDirectKernels
          ? [["conv.0", "conv.1"], ["conv.2"]] : network.nodes.prefix(3).map { [$0.name] }))
    let images = Tensor.normal([3, 16, 9, 8], using: Generator(seed: 1))
    expectClose(try Program(network, .inference(batch: 1))(images), try exact(network, images))
  }

  @Test func `a shortcut without weights is one instruction, with the addition and the ReLU behind it`() throws {
    let network = try Catalogue.resnet20.network(input: [3, 32, 32], classes: 10, seed: 0)
    let operations = try instructions(network).flatMap(\.operation.operations)
    #expect(!operations.contains { $0 is Slice || $0 is Pad || $0 is Elementwise || $0 is Activation })
    // 19 convolutions, two shortcuts, and what makes classes of pixels.
    #expect(operations.count == 19 + 2 + 3)
  }

  @Test func `neighbours are one call as far as nothing else reads what is between`() throws {
    var net = NetworkBuilder(input: [4, 8, 8], seed: 0)
    func convolution(_ x: String, _ name: String) throws -> String {
      try net.convolution(x, name, units: 4, kernel: [3, 3], padding: [1, 1])
    }
    let a = try convolution(convolution(net.input, "a0"), "a1")
    let b = try net.append(Elementwise.add, reading: [convolution(convolution(a, "b0"), "b1"), a])
    let pooled = try net.globalAveragePool(b)
    // c1 is read by what comes after c2 too, so the call ends with it.
    let c = try convolution(convolution(b, "c0"), "c1")
    let last = try net.append(Elementwise.multiply, reading: [convolution(c, "c2"), c])
    let network = try net.finish(net.append(Elementwise.multiply, reading: [last, pooled]))
    let instructions = try instructions(network)
    let calls = instructions.calls(output: network.output) { instructions[$0].operation.operations[0] is Convolution }
    let names = calls.map { call in instructions[call.range].map(\.name) }.filter { $0[0].count == 2 }
    #expect(names == [["a0", "a1", "b0", "b1"], ["c0", "c1"], ["c2"]])
    #expect(calls.first?.inputs == [Network.inputName])
    #expect(calls.flatMap { Array($0.range) } == Array(instructions.indices))
    let images = Tensor.normal([2, 4, 8, 8], using: Generator(seed: 1))
    expectClose(try Program(network, .inference(batch: 1))(images), try exact(network, images))
  }

  @Test(arguments: [(1, 0, 2), (2, 3, 1), (3, 0, 0)])
  func `pixels that are skipped and channels of zeros are what they were`(_ step: Int, _ before: Int, _ after: Int)
    throws
  {
    var net = NetworkBuilder(input: [3, 9, 8], seed: 0)
    func rows(_ x: String, start: Int = 0) throws -> String {
      try net.append(Slice(axis: 1, start: start, step: step), reading: [x])
    }
    func columns(_ x: String) throws -> String { try net.append(Slice(axis: 2, step: step), reading: [x]) }
    func padded(_ x: String) throws -> String {
      try net.append(Pad(axis: 0, before: before, after: after), reading: [x])
    }
    let x = try net.relu(net.convolution(net.input, "conv", units: 3, kernel: [3, 3], padding: [1, 1]))
    let both = try padded(columns(rows(x)))
    // Columns without their first, and rows that something else reads too.
    let shifted = try rows(net.append(Slice(axis: 2, start: 1), reading: [x]))
    let read = try padded(rows(shifted))
    let twice = try net.append(Concatenate(axis: 0), reading: [padded(shifted), padded(shifted)])
    let pooled = try [both, read, twice].map { try net.globalAveragePool($0) }
    let network = try net.finish(net.append(Concatenate(axis: 0), reading: pooled))
    let images = Tensor.normal([2, 3, 9, 8], using: Generator(seed: 1))
    expectClose(try Program(network, .inference(batch: 1))(images), try exact(network, images), within: 1e-6)
    let left = try instructions(network).flatMap(\.operation.operations).filter { $0 is Pad }
    #expect(left.isEmpty)
  }

  @Test(arguments: [1, 2, 5, 64, 67], 1...3)
  func `a batch that is shared out among threads gives what it gives whole`(batch: Int, threads: Int) throws {
    let network = withStatistics(try Catalogue.resnet20.network(input: [3, 32, 32], classes: 10, seed: 0))
    let images = Tensor.normal([batch, 3, 32, 32], using: Generator(seed: 1))
    let inference = try Program(network, .inference(batch: batch))
    let before = Library.threads
    defer { Library.setThreads(before) }
    Library.setThreads(threads)
    expectClose(inference(images), inference.whole(images), within: 1e-6)
    let ranges = try #require(try network.batchChunks()).ranges(of: batch, threads: threads) ?? [0..<batch]
    #expect(ranges.flatMap(Array.init) == Array(0..<batch) && ranges.allSatisfy { !$0.isEmpty })
    #expect(ranges.count == 1 || ranges.count % threads == 0)
  }

  @Test func `where weights are large a batch stays whole`() throws {
    #expect(try Catalogue.resnet18.network(input: [3, 32, 32], classes: 10, seed: 0).batchChunks() == nil)
  }

  @Test func `an addition that spreads one value over many is left to be done`() throws {
    var net = NetworkBuilder(input: [3, 8, 8], seed: 0)
    let x = try net.convolution(net.input, "conv", units: 4, kernel: [3, 3])
    let pooled = try net.globalAveragePool(net.convolution(net.input, "other", units: 4, kernel: [1, 1]))
    let network = try net.finish(net.relu(net.append(Elementwise.add, reading: [pooled, x])))
    let images = Tensor.normal([2, 3, 8, 8], using: Generator(seed: 1))
    expectClose(try Program(network, .inference(batch: 1))(images), try exact(network, images))
  }

  @Test func `it gives back every tensor that it took`() async {
    await #expect(processExitsWith: .success) {
      let before = Library.liveTensors
      InferenceTests.use()
      precondition(Library.liveTensors == before)
    }
  }

  /// Makes a network, makes it ready, uses it and lets all go.
  private static func use() {
    guard let network = try? Catalogue.resnet20.network(input: [3, 32, 32], classes: 10, seed: 0),
      let inference = try? Program(network, .inference(batch: 1))
    else { preconditionFailure("a ResNet-20 cannot be made") }
    for _ in 0..<3 { _ = inference(Tensor.zeros([2, 3, 32, 32])) }
  }

  private func instructions(_ network: Network) throws -> [Instruction] {
    try network.lowered(.inference(batch: 1)).instructions
  }

  /// What the network computes, in float64.
  private func exact(_ network: Network, _ images: Tensor) throws -> Tensor {
    try network.to(.float64)(images.to(.float64))
  }

  /// Batch norms as after a training.
  private func withStatistics(_ network: Network) -> Network {
    var result = network
    for (index, name) in network.parameters.keys.sorted().enumerated() {
      guard let tensor = network.parameters[name], tensor.shape.count == 1 else { continue }
      let generator = Generator(seed: UInt64(index))
      if name.hasSuffix("running_mean") { result.parameters[name] = .normal(tensor.shape, using: generator) * 0.1 }
      if name.hasSuffix("running_var") {
        result.parameters[name] = .uniform(tensor.shape, in: 0.5...1.5, using: generator)
      }
    }
    return result
  }
}
