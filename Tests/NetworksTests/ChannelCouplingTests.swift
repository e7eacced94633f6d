import Architectures
import Networks
import Testing
import Torch

@Suite struct ChannelCouplingTests {
  /// The representatives of a value's channels.
  private func channels(_ coupling: ChannelCoupling, _ value: String) -> [Channel] {
    (coupling.channels[value] ?? []).map(coupling.representative)
  }

  private func convolution(_ net: inout NetworkBuilder, _ x: String, _ name: String, _ units: Int) throws -> String {
    try net.convolution(x, name, units: units, kernel: [1, 1])
  }

  @Test func `the units of a chain are their own`() throws {
    var net = NetworkBuilder(input: [2, 4, 4], seed: 0)
    let a = try convolution(&net, net.input, "a", 3)
    let x = try net.maxPool(net.relu(net.batchNorm(a, "norm")), 2)
    let coupling = try net.finish(convolution(&net, x, "b", 3)).channelCoupling()
    #expect(channels(coupling, x) == channels(coupling, "a"))
    #expect(Set(channels(coupling, "a")).isDisjoint(with: channels(coupling, "b")))
    #expect(Set(channels(coupling, "a")).count == 3)
  }

  @Test func `the axes of a chain are owned by who makes, follows, describes and reads`() throws {
    var net = NetworkBuilder(input: [2, 4, 4], seed: 0)
    let a = try net.batchNorm(convolution(&net, net.input, "a", 3), "norm")
    let coupling = try net.finish(convolution(&net, a, "b", 3)).channelCoupling()
    let own = Set(channels(coupling, "a"))
    let roles = coupling.axes.filter { Set($0.channels) == own }.map { "\($0.parameter) \($0.axis) \($0.role)" }
    #expect(
      roles == [
        "a.weight 0 unit", "norm.weight 0 follower", "norm.bias 0 follower", "norm.running_mean 0 statistic",
        "norm.running_var 0 statistic", "b.weight 1 reader",
      ])
  }

  @Test func `input and output are frozen`() throws {
    var net = NetworkBuilder(input: [2, 4, 4], seed: 0)
    let a = try convolution(&net, net.input, "a", 3)
    let coupling = try net.finish(convolution(&net, a, "b", 4)).channelCoupling()
    #expect(coupling.frozen == Set(channels(coupling, "input") + channels(coupling, "b")))
  }

  @Test func `an addition couples its operands`() throws {
    var net = NetworkBuilder(input: [2, 4, 4], seed: 0)
    let a = try convolution(&net, net.input, "a", 3)
    let sum = try net.add(a, convolution(&net, a, "b", 3))
    let coupling = try net.finish(convolution(&net, sum, "c", 2)).channelCoupling()
    #expect(channels(coupling, "a") == channels(coupling, "b"))
    #expect(channels(coupling, sum) == channels(coupling, "a"))
    #expect(Set(channels(coupling, "a")).count == 3)
  }

  @Test func `option A couples channel i of stage 1 to i + 8 of stage 2 and i + 24 of stage 3`() throws {
    let coupling = try Network.cifarResNet(blocks: 3, input: [3, 32, 32], classes: 10, seed: 0).channelCoupling()
    let stages = (1...3).map { channels(coupling, "layer\($0).2.conv2") }
    #expect(stages.map(\.count) == [16, 32, 64])
    for i in 0..<16 {
      #expect(stages[0][i] == stages[1][i + 8])
      #expect(stages[0][i] == stages[2][i + 24])
      #expect(stages[0][i] == channels(coupling, "conv1")[i])
    }
    for i in 0..<32 { #expect(stages[1][i] == stages[2][i + 16]) }
    #expect(Set(stages[2]).count == 64)
    #expect(Set(stages[2]).isDisjoint(with: coupling.frozen))
  }

  @Test func `a concatenation lays channels side by side and a slice takes them out`() throws {
    var net = NetworkBuilder(input: [2, 4, 4], seed: 0)
    let a = try convolution(&net, net.input, "a", 3)
    let both = try net.concatenate([a, convolution(&net, net.input, "b", 2)])
    let part = try net.append(Slice(axis: 0, start: 2, end: 4), reading: [both])
    let coupling = try net.finish(convolution(&net, part, "c", 2)).channelCoupling()
    #expect(channels(coupling, both) == channels(coupling, "a") + channels(coupling, "b"))
    #expect(channels(coupling, part) == [channels(coupling, "a")[2], channels(coupling, "b")[0]])
    #expect(coupling.axes.first { $0.parameter == "c.weight" && $0.axis == 1 }?.channels == channels(coupling, part))
  }

  @Test func `every second channel cannot be counted again, so a slice with steps freezes`() throws {
    var net = NetworkBuilder(input: [2, 4, 4], seed: 0)
    let a = try convolution(&net, net.input, "a", 4)
    let part = try net.append(Slice(axis: 0, step: 2), reading: [a])
    let coupling = try net.finish(convolution(&net, part, "c", 2)).channelCoupling()
    #expect(coupling.frozen.isSuperset(of: channels(coupling, "a")))
  }

  @Test func `a depthwise convolution couples each unit to its input`() throws {
    var net = NetworkBuilder(input: [2, 4, 4], seed: 0)
    let a = try convolution(&net, net.input, "a", 3)
    let b = try net.convolution(a, "b", units: 3, kernel: [1, 1], groups: 3)
    let coupling = try net.finish(convolution(&net, b, "c", 2)).channelCoupling()
    #expect(channels(coupling, "a") == channels(coupling, "b"))
    #expect(Set(channels(coupling, "a")).count == 3)
  }

  @Test func `a grouped convolution couples each group into one`() throws {
    var net = NetworkBuilder(input: [2, 4, 4], seed: 0)
    let a = try convolution(&net, net.input, "a", 4)
    let b = try net.convolution(a, "b", units: 6, kernel: [1, 1], groups: 2)
    let coupling = try net.finish(convolution(&net, b, "c", 2)).channelCoupling()
    let (x, y) = (channels(coupling, "a")[0], channels(coupling, "a")[2])
    #expect(x != y)
    #expect(channels(coupling, "a") == [x, x, y, y])
    #expect(channels(coupling, "b") == [x, x, x, y, y, y])
  }

  @Test func `flattening repeats a channel for each of its pixels`() throws {
    var net = NetworkBuilder(input: [2, 2, 2], seed: 0)
    let flat = try net.flatten(convolution(&net, net.input, "a", 2))
    let coupling = try net.finish(net.linear(flat, "b", units: 3)).channelCoupling()
    let (x, y) = (channels(coupling, "a")[0], channels(coupling, "a")[1])
    #expect(channels(coupling, flat) == [x, x, x, x, y, y, y, y])
  }

  @Test func `a parameter that two nodes read couples what both index with it`() throws {
    var net = NetworkBuilder(input: [3, 4, 4], seed: 0)
    let a = try convolution(&net, net.input, "a", 3)
    let b = try convolution(&net, net.input, "b", 3)
    _ = try convolution(&net, a, "c", 2)
    let d = try convolution(&net, b, "d", 2)
    var network = try net.finish(d)
    network.nodes[3].parameters[.weight] = "c.weight"
    let coupling = try network.channelCoupling()
    #expect(channels(coupling, "a") == channels(coupling, "b"))
    #expect(channels(coupling, "c") == channels(coupling, "d"))
  }

  @Test func `a reshape freezes what it touches`() throws {
    var net = NetworkBuilder(input: [2, 2, 2], seed: 0)
    let a = try convolution(&net, net.input, "a", 2)
    let x = try net.append(Reshape([4, 2, 1]), reading: [a])
    let coupling = try net.finish(convolution(&net, x, "b", 2)).channelCoupling()
    #expect(coupling.frozen.isSuperset(of: channels(coupling, "a") + channels(coupling, x)))
  }

  @Test func `a factor of one channel stays, and one of 1 by 1 pixels is coupled`() throws {
    var net = NetworkBuilder(input: [2, 2, 2], seed: 0)
    let a = try convolution(&net, net.input, "a", 3)
    let mask = try convolution(&net, net.input, "mask", 1)
    let gate = try net.globalAveragePool(convolution(&net, net.input, "gate", 3))
    let x = try net.append(Elementwise.multiply, reading: [a, mask])
    let y = try net.append(Elementwise.multiply, reading: [x, gate])
    let coupling = try net.finish(convolution(&net, y, "b", 2)).channelCoupling()
    #expect(coupling.frozen.isSuperset(of: channels(coupling, "mask")))
    #expect(channels(coupling, "a") == channels(coupling, "gate"))
    #expect(coupling.frozen.isDisjoint(with: channels(coupling, "a")))
  }
}
