import Architectures
import Networks
import Testing
import Torch

@Suite struct TiesTests {
  /// The representatives of a value's channels.
  private func channels(_ ties: Ties, _ value: String) -> [Channel] {
    (ties.channels[value] ?? []).map(ties.representative)
  }

  private func convolution(_ net: inout NetworkBuilder, _ x: String, _ name: String, _ units: Int) throws -> String {
    try net.convolution(x, name, units: units, kernel: [1, 1])
  }

  @Test func `the units of a chain are their own`() throws {
    var net = NetworkBuilder(input: [2, 4, 4], seed: 0)
    let a = try convolution(&net, net.input, "a", 3)
    let x = try net.maxPool(net.relu(net.batchNorm(a, "norm")), 2)
    let ties = try net.finish(convolution(&net, x, "b", 3)).ties()
    #expect(channels(ties, x) == channels(ties, "a"))
    #expect(Set(channels(ties, "a")).isDisjoint(with: channels(ties, "b")))
    #expect(Set(channels(ties, "a")).count == 3)
  }

  @Test func `the axes of a chain are owned by who makes, follows, describes and reads`() throws {
    var net = NetworkBuilder(input: [2, 4, 4], seed: 0)
    let a = try net.batchNorm(convolution(&net, net.input, "a", 3), "norm")
    let ties = try net.finish(convolution(&net, a, "b", 3)).ties()
    let own = Set(channels(ties, "a"))
    let roles = ties.axes.filter { Set($0.channels) == own }.map { "\($0.parameter) \($0.axis) \($0.role)" }
    #expect(
      roles == [
        "a.weight 0 unit", "norm.weight 0 follower", "norm.bias 0 follower", "norm.running_mean 0 statistic",
        "norm.running_var 0 statistic", "b.weight 1 reader",
      ])
  }

  @Test func `input and output are frozen`() throws {
    var net = NetworkBuilder(input: [2, 4, 4], seed: 0)
    let a = try convolution(&net, net.input, "a", 3)
    let ties = try net.finish(convolution(&net, a, "b", 4)).ties()
    #expect(ties.frozen == Set(channels(ties, "input") + channels(ties, "b")))
  }

  @Test func `an addition ties its operands`() throws {
    var net = NetworkBuilder(input: [2, 4, 4], seed: 0)
    let a = try convolution(&net, net.input, "a", 3)
    let sum = try net.add(a, convolution(&net, a, "b", 3))
    let ties = try net.finish(convolution(&net, sum, "c", 2)).ties()
    #expect(channels(ties, "a") == channels(ties, "b"))
    #expect(channels(ties, sum) == channels(ties, "a"))
    #expect(Set(channels(ties, "a")).count == 3)
  }

  @Test func `option A ties channel i of stage 1 to i + 8 of stage 2 and i + 24 of stage 3`() throws {
    let ties = try Network.cifarResNet(blocks: 3, input: [3, 32, 32], classes: 10, seed: 0).ties()
    let stages = (1...3).map { channels(ties, "layer\($0).2.conv2") }
    #expect(stages.map(\.count) == [16, 32, 64])
    for i in 0..<16 {
      #expect(stages[0][i] == stages[1][i + 8])
      #expect(stages[0][i] == stages[2][i + 24])
      #expect(stages[0][i] == channels(ties, "conv1")[i])
    }
    for i in 0..<32 { #expect(stages[1][i] == stages[2][i + 16]) }
    #expect(Set(stages[2]).count == 64)
    #expect(Set(stages[2]).isDisjoint(with: ties.frozen))
  }

  @Test func `a concatenation lays channels side by side and a slice takes them out`() throws {
    var net = NetworkBuilder(input: [2, 4, 4], seed: 0)
    let a = try convolution(&net, net.input, "a", 3)
    let both = try net.concatenate([a, convolution(&net, net.input, "b", 2)])
    let part = try net.append(Slice(axis: 0, start: 2, end: 4), reading: [both])
    let ties = try net.finish(convolution(&net, part, "c", 2)).ties()
    #expect(channels(ties, both) == channels(ties, "a") + channels(ties, "b"))
    #expect(channels(ties, part) == [channels(ties, "a")[2], channels(ties, "b")[0]])
    #expect(ties.axes.first { $0.parameter == "c.weight" && $0.axis == 1 }?.channels == channels(ties, part))
  }

  @Test func `every second channel cannot be counted again, so a slice with steps freezes`() throws {
    var net = NetworkBuilder(input: [2, 4, 4], seed: 0)
    let a = try convolution(&net, net.input, "a", 4)
    let part = try net.append(Slice(axis: 0, step: 2), reading: [a])
    let ties = try net.finish(convolution(&net, part, "c", 2)).ties()
    #expect(ties.frozen.isSuperset(of: channels(ties, "a")))
  }

  @Test func `a depthwise convolution ties each unit to its input`() throws {
    var net = NetworkBuilder(input: [2, 4, 4], seed: 0)
    let a = try convolution(&net, net.input, "a", 3)
    let b = try net.convolution(a, "b", units: 3, kernel: [1, 1], groups: 3)
    let ties = try net.finish(convolution(&net, b, "c", 2)).ties()
    #expect(channels(ties, "a") == channels(ties, "b"))
    #expect(Set(channels(ties, "a")).count == 3)
  }

  @Test func `a grouped convolution ties each group into one`() throws {
    var net = NetworkBuilder(input: [2, 4, 4], seed: 0)
    let a = try convolution(&net, net.input, "a", 4)
    let b = try net.convolution(a, "b", units: 6, kernel: [1, 1], groups: 2)
    let ties = try net.finish(convolution(&net, b, "c", 2)).ties()
    let (x, y) = (channels(ties, "a")[0], channels(ties, "a")[2])
    #expect(x != y)
    #expect(channels(ties, "a") == [x, x, y, y])
    #expect(channels(ties, "b") == [x, x, x, y, y, y])
  }

  @Test func `flattening repeats a channel for each of its pixels`() throws {
    var net = NetworkBuilder(input: [2, 2, 2], seed: 0)
    let flat = try net.flatten(convolution(&net, net.input, "a", 2))
    let ties = try net.finish(net.linear(flat, "b", units: 3)).ties()
    let (x, y) = (channels(ties, "a")[0], channels(ties, "a")[1])
    #expect(channels(ties, flat) == [x, x, x, x, y, y, y, y])
  }

  @Test func `a parameter that two nodes read ties what both index with it`() throws {
    var net = NetworkBuilder(input: [3, 4, 4], seed: 0)
    let a = try convolution(&net, net.input, "a", 3)
    let b = try convolution(&net, net.input, "b", 3)
    _ = try convolution(&net, a, "c", 2)
    let d = try convolution(&net, b, "d", 2)
    var network = try net.finish(d)
    network.nodes[3].parameters[.weight] = "c.weight"
    let ties = try network.ties()
    #expect(channels(ties, "a") == channels(ties, "b"))
    #expect(channels(ties, "c") == channels(ties, "d"))
  }

  @Test func `a reshape freezes what it touches`() throws {
    var net = NetworkBuilder(input: [2, 2, 2], seed: 0)
    let a = try convolution(&net, net.input, "a", 2)
    let x = try net.append(Reshape([4, 2, 1]), reading: [a])
    let ties = try net.finish(convolution(&net, x, "b", 2)).ties()
    #expect(ties.frozen.isSuperset(of: channels(ties, "a") + channels(ties, x)))
  }

  @Test func `a factor of one channel stays, and one of 1 by 1 pixels is tied`() throws {
    var net = NetworkBuilder(input: [2, 2, 2], seed: 0)
    let a = try convolution(&net, net.input, "a", 3)
    let mask = try convolution(&net, net.input, "mask", 1)
    let gate = try net.globalAveragePool(convolution(&net, net.input, "gate", 3))
    let x = try net.append(Elementwise.multiply, reading: [a, mask])
    let y = try net.append(Elementwise.multiply, reading: [x, gate])
    let ties = try net.finish(convolution(&net, y, "b", 2)).ties()
    #expect(ties.frozen.isSuperset(of: channels(ties, "mask")))
    #expect(channels(ties, "a") == channels(ties, "gate"))
    #expect(ties.frozen.isDisjoint(with: channels(ties, "a")))
  }
}
