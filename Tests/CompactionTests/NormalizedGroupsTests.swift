import Networks
import Testing
import Torch

@testable import Compaction

/// Channels that group norms normalise together live and die together.
@Suite struct NormalizedGroupsTests {
  private func network(groups: Int, affine: Bool = true) throws -> Network {
    var net = NetworkBuilder(input: [3, 6, 6], seed: 2)
    let x = try net.convolution(net.input, "conv", units: 8, kernel: [3, 3], padding: [1, 1])
    let generator = Generator(seed: 4)
    let y = try net.append(
      GroupNorm(groups: groups), "norm", reading: [x],
      parameters: affine ? [.weight: .normal([8], using: generator), .bias: .normal([8], using: generator)] : [:])
    let z = try net.convolution(net.relu(y), "next", units: 4, kernel: [3, 3], padding: [1, 1])
    return try net.finish(net.linear(net.flatten(net.append(Pooling.globalAverage, reading: [z])), "fc", units: 3))
  }

  private func zeroed(_ network: Network, _ channels: [Int]) -> Network {
    var network = network
    network.set("conv.weight", channels, to: 0)
    for name in ["norm.weight", "norm.bias"] where network.parameters[name] != nil {
      network.set(name, channels, to: 0)
    }
    return network
  }

  @Test func `a whole group goes, and part of one stays`() throws {
    let whole = zeroed(try network(groups: 4), [2, 3])
    let small = try narrowed(whole)
    #expect(small.parameters["conv.weight"]?.shape == [6, 3, 3, 3])
    #expect((small["norm"]?.operation as? GroupNorm)?.groups == 3)
    #expect(try difference(whole) { try narrowed($0) } < 1e-12)
    let part = zeroed(try network(groups: 4), [2, 4])
    #expect(try narrowed(part).parameters["conv.weight"]?.shape == [8, 3, 3, 3])
  }

  @Test func `with one channel in each group any goes; of a single group none`() throws {
    for affine in [true, false] {
      let each = zeroed(try network(groups: 8, affine: affine), [0, 5])
      let small = try narrowed(each)
      #expect(small.parameters["next.weight"]?.shape == [4, 6, 3, 3])
      #expect((small["norm"]?.operation as? GroupNorm)?.groups == 6)
      #expect(try difference(each) { try narrowed($0) } < 1e-12)
    }
    let coupling = try network(groups: 1).channelCoupling()
    #expect(coupling.channels["norm"]?.allSatisfy { coupling.frozen.contains(coupling.representative($0)) } ?? false)
  }

  @Test func `a width is thinned by whole groups`() throws {
    let thin = try network(groups: 4).thinned(to: 0.5)
    #expect(thin.parameters["conv.weight"]?.shape[0] == 4)
    #expect((thin["norm"]?.operation as? GroupNorm)?.groups == 2)
    #expect(try network(groups: 4).thinned(to: 0.1).parameters["conv.weight"]?.shape[0] == 2)
    #expect(try network(groups: 4).widened(by: 2, seed: 1).parameters["conv.weight"]?.shape[0] == 16)
  }

  @Test func `of constants a group makes what running gives`() throws {
    var net = NetworkBuilder(input: [1, 2, 2], seed: 0)
    let x = try net.append(
      Convolution(), "source", reading: [net.input],
      parameters: [.weight: .zeros([4, 1, 1, 1]), .bias: Tensor([0.5, -1, 0, 0], shape: [4])])
    let y = try net.append(
      GroupNorm(groups: 2), reading: [x],
      parameters: [.weight: Tensor([2.0, 1, 3, 0], shape: [4]), .bias: Tensor([0.0, 1, -1, 2], shape: [4])])
    let network = try net.finish(y).to(.float64)
    let found = try network(.ones([1, 1, 2, 2], dtype: .float64)).reshaped([4, 4]).slice(axis: 1, from: 0, to: 1)
    let predicted = try #require(try network.channelValues()[y]).map { value in
      if case .constant(let number) = value { number } else { Double.nan }
    }
    #expect(zip(found.doubles, predicted).allSatisfy { abs($0 - $1) < 1e-9 })
  }

  @Test(arguments: [(0, [8, 2]), (3, [8, 2]), (2, [8])])
  func `groups that cannot be are refused`(groups: Int, shape: [Int]) {
    #expect(throws: NetworkError.self) { try GroupNorm(groups: groups).shape(of: [shape], parameters: [:]) }
  }
}
