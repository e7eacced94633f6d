import Architectures
import Networks
import Testing
import Torch

/// A network for other classes.
@Suite struct NewClassifierTests {
  @Test(arguments: Catalogue.allCases)
  func `every architecture can tell other classes apart`(architecture: Catalogue) throws {
    let usual = architecture.usual
    let network = try architecture.withoutWeights(input: usual.shape, classes: 10)
    let other = try network.replacingClassifier(classes: 7, seed: 2)
    #expect(try other.validate()[other.output] == [7])
    let head = try network.classifier()
    #expect(head.parameters == (try other.classifier().parameters))
    for name in network.parameterNames where !head.parameters.values.contains(name) {
      #expect(network.parameters[name]?.shape == other.parameters[name]?.shape)
    }
  }

  @Test func `the other layers keep their weights, and the new one depends on the seed`() throws {
    let network = try Network.lenet5(input: [1, 28, 28], classes: 10, seed: 1)
    let (a, b) = (
      try network.replacingClassifier(classes: 10, seed: 2), try network.replacingClassifier(classes: 10, seed: 3)
    )
    #expect(a.parameters["fc2.weight"]?.doubles == network.parameters["fc2.weight"]?.doubles)
    #expect(a.parameters["fc3.weight"]?.doubles != network.parameters["fc3.weight"]?.doubles)
    #expect(a.parameters["fc3.weight"]?.doubles != b.parameters["fc3.weight"]?.doubles)
    #expect(
      try network.replacingClassifier(classes: 10, seed: 2).parameters["fc3.bias"]?.doubles
        == a.parameters["fc3.bias"]?.doubles)
  }

  /// A convolution to classes, as in SqueezeNet: activation, pooling and what brings its result into a vector follow.
  private func convolutional(_ last: (inout NetworkBuilder, String) throws -> String) throws -> Network {
    var net = NetworkBuilder(input: [3, 8, 8], seed: 0)
    var x = try net.relu(net.convolution(net.input, "first", units: 4, kernel: [3, 3]))
    x = try net.relu(net.convolution(net.dropout(x, 0.5), "last", units: 5, kernel: [1, 1]))
    return try net.finish(last(&net, net.globalAveragePool(x)))
  }

  @Test func `a convolution that makes the classes is found behind what follows it`() throws {
    let flat = try convolutional { try $0.flatten($1) }
    let shaped = try convolutional { try $0.append(Reshape([5]), reading: [$1]) }
    for network in [flat, shaped] {
      let other = try network.replacingClassifier(classes: 9, seed: 0)
      #expect(try other.validate()[other.output] == [9])
      // Without a bias before, there is none after.
      #expect(other.parameters["last.weight"]?.shape == [9, 4, 1, 1] && other.parameters["last.bias"] == nil)
    }
  }

  @Test func `a tensor that another layer uses stays that layer's`() throws {
    var net = NetworkBuilder(input: [4, 1, 1], seed: 0)
    let x = try net.linear(net.relu(net.linear(net.flatten(net.input), "a", units: 4)), "b", units: 4)
    var network = try net.finish(x)
    network.nodes[network.nodes.count - 1].parameters = [.weight: "a.weight", .bias: "a.bias"]
    let other = try network.replacingClassifier(classes: 3, seed: 0)
    #expect(other.parameters["a.weight"]?.shape == [4, 4] && other.parameters["a.bias"]?.shape == [4])
    #expect(try other.validate()[other.output] == [3])
  }

  @Test func `classes that no single layer makes are refused`() throws {
    var net = NetworkBuilder(input: [4, 1, 1], seed: 0)
    let x = try net.flatten(net.input)
    let network = try net.finish(net.add(net.linear(x, "a", units: 4), net.linear(x, "b", units: 4)))
    let error = #expect(throws: NetworkError.self) { try network.replacingClassifier(classes: 3, seed: 0) }
    #expect(error?.description.contains("no linear layer or convolution") == true)
  }
}
