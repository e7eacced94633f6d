import Architectures
import Networks
import Testing
import Torch

@Suite struct ProgramTests {
  @Test func `a copy of a network stays what it was`() throws {
    var network = try Network.lenet5(input: [1, 28, 28], classes: 10, seed: 0)
    let before = network
    let (name, weight) = ("fc3.bias", try #require(network.parameters["fc3.bias"]))
    network.parameters[name] = weight + 1
    network.nodes.removeLast()
    #expect(before.parameters[name]?.doubles == weight.doubles)
    #expect(before.nodes.count == network.nodes.count + 1)
  }

  private func normalized(momentum: Double) -> Network {
    single(
      BatchNorm(momentum: momentum), input: [2, 1, 2],
      [.weight: .ones([2]), .bias: .zeros([2]), .runningMean: .zeros([2]), .runningVariance: .ones([2])])
  }

  @Test func `training returns new statistics and leaves the old alone`() throws {
    let network = normalized(momentum: 0.5)
    let program = try Program(network, .training)
    let old = program.parameterNames.compactMap { network.parameters[$0] }
    let result = program.run(counting([2, 2, 1, 2]), parameters: old, mode: .training)
    let new = Dictionary(
      uniqueKeysWithValues: result.statistics.map { (program.parameterNames[$0.index], $0.value.doubles) })
    #expect(new["node.running_mean"] == [1.25, 2.25])
    #expect(Set(new.keys) == ["node.running_mean", "node.running_var"])
    #expect(network.parameters["node.running_mean"]?.doubles == [0, 0])
    #expect(network.parameters["node.running_var"]?.doubles == [1, 1])
  }

  @Test(arguments: [false, true])
  func `a batch of one value a channel leaves the statistics as they are`(isFused: Bool) throws {
    var net = NetworkBuilder(input: [2, 1, 1], seed: 0)
    let norm = try net.batchNorm(net.input, "norm")
    let network = try net.finish(isFused ? net.relu(norm) : norm)
    let program = try Program(network, .training)
    let tensors = program.parameterNames.compactMap { network.parameters[$0] }
    let result = program.run(counting([1, 2, 1, 1]), parameters: tensors, mode: .training)
    #expect(result.statistics.isEmpty)
    #expect(result.output.doubles == [0, 0])
  }

  @Test func `evaluation uses the statistics and returns none`() throws {
    let network = normalized(momentum: 0.5)
    let program = try Program(network, .training)
    let tensors = program.parameterNames.compactMap { network.parameters[$0] }
    let batch = counting([2, 2, 1, 2])
    let result = program.run(batch, parameters: tensors, mode: .evaluation)
    #expect(result.statistics.isEmpty)
    expectClose(result.output, batch)
  }

  @Test func `training normalises by the batch`() throws {
    let network = normalized(momentum: 0.5)
    let program = try Program(network, .training)
    let tensors = program.parameterNames.compactMap { network.parameters[$0] }
    let output = program.run(counting([2, 2, 1, 2]), parameters: tensors, mode: .training).output
    expectClose(output.sum(axes: [0, 2, 3]), .zeros([2]))
    expectClose((output * output).sum(axes: [0, 2, 3]), Tensor(repeating: 4, shape: [2]), within: 1e-4)
  }

  @Test func `dropout acts in training, as its generator says, and not in evaluation`() throws {
    let program = try Program(single(Dropout(0.5), input: [4, 8, 8]), .training)
    let batch = Tensor.ones([1, 4, 8, 8])
    func trained(seed: UInt64) -> [Double] {
      program.run(batch, parameters: [], mode: .training, generator: Generator(seed: seed)).output.doubles
    }
    #expect(Set(trained(seed: 1)) == [0, 2])
    #expect(trained(seed: 1) == trained(seed: 1))
    #expect(trained(seed: 1) != trained(seed: 2))
    #expect(program.run(batch, parameters: [], mode: .evaluation).output.doubles == batch.doubles)
  }

  @Test func `a value that is read again later is kept`() throws {
    var net = NetworkBuilder(input: [1, 2, 2], seed: 0)
    let x = try net.append(Activation.leakyRelu(slope: 2), reading: [net.input])
    let y = try net.relu(x)
    let z = try net.add(y, net.relu(y))
    let network = try net.finish(net.add(z, net.add(x, x)))
    let batch = Tensor([1.0, -1, 3, -4], shape: [1, 1, 2, 2])
    #expect(try network(batch).doubles == [4, -4, 12, -16])
  }

  @Test func `the output may be a node in the middle`() throws {
    var net = NetworkBuilder(input: [1, 1, 2], seed: 0)
    let x = try net.relu(net.input)
    _ = try net.append(Activation.leakyRelu(slope: 9), reading: [x])
    #expect(try net.finish(x)(Tensor([-1.0, 2], shape: [1, 1, 1, 2])).doubles == [0, 2])
  }

  @Test func `a network that is not valid does not run`() {
    var network = single(Flatten(), input: [1, 2, 2])
    network.output = "nowhere"
    #expect(throws: NetworkError.self) { _ = try network(.zeros([1, 1, 2, 2])) }
  }

  @Test func `parameters are listed once, in execution order, weights before biases before statistics`() throws {
    let names = try Network.cifarResNet(blocks: 1, input: [3, 8, 8], classes: 2, seed: 0).parameterNames
    #expect(names.prefix(5) == ["conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"])
    #expect(names.count == Set(names).count)
    #expect(names.suffix(2) == ["linear.weight", "linear.bias"])
  }

  @Test func `statistics are not trained by gradients`() throws {
    let network = try Network.dec3(input: [1, 32, 32], classes: 2, seed: 0)
    #expect(!network.trainableNames.contains { $0.contains("running") })
    #expect(network.trainableNames.count == 6 * 3 + 2)
  }

  @Test func `training steps of a network give back every tensor`() async {
    await #expect(processExitsWith: .success) {
      let network = try Network.cifarResNet(blocks: 1, input: [3, 8, 8], classes: 2, seed: 0)
      let program = try Program(network, .training)
      let trained = Set(network.trainableNames)
      var tensors = program.parameterNames.compactMap { name in
        network.parameters[name].map { trained.contains(name) ? $0.leaf : $0 }
      }
      let leaves = zip(program.parameterNames, tensors).filter { trained.contains($0.0) }.map(\.1)
      let labels = Tensor([Int64(0), 1], shape: [2])
      func step() {
        let batch = Tensor.normal([2, 3, 8, 8], using: Generator(seed: 0))
        let result = withBFloat16Autocast { program.run(batch, parameters: tensors, mode: .training) }
        _ = result.output.to(.float32).crossEntropy(labels: labels).gradients(of: leaves)
        for (index, value) in result.statistics { tensors[index] = value }
      }
      step()
      let before = Library.liveTensors
      for _ in 0..<5 { step() }
      // An optimiser may let go of what is not used any more, before the tensors are counted.
      withExtendedLifetime((network, tensors, leaves)) { precondition(Library.liveTensors == before) }
    }
  }
}
