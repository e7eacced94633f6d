import Architectures
import Foundation
import Networks
import Testing
import Torch

@Suite struct CodingTests {
  static let operations: [any Networks.Operation] = [
    Convolution(ConvolutionGeometry(stride: [2, 1], padding: [0, 3], dilation: [1, 2], groups: 4)), Linear(),
    BatchNorm(epsilon: 1e-3, momentum: 0.01), Activation.relu, Activation.leakyRelu(slope: 0.2),
    Activation.cappedRelu(limit: 6), Activation.elu(alpha: 0.5),
    Pooling.max(PoolingGeometry(kernel: [3, 2], stride: [2, 1], padding: [1, 0], ceilMode: true)),
    Pooling.average(PoolingGeometry(kernel: [2, 2], countIncludePad: false)), Pooling.globalAverage, Pooling.globalMax,
    Elementwise.add, Elementwise.multiply, Concatenate(), Flatten(), Reshape([3, 4]), Slice(axis: 1, step: 2),
    Slice(axis: 0, start: 1, end: 3), Pad(axis: 0, before: 8, after: 7), Dropout(0.25),
    Pad(axis: 1, before: 0, after: 2, value: -.greatestFiniteMagnitude), PReLU(isShared: true), PReLU(isShared: false),
    LogSoftmax(axis: 2), Maximum(axes: [0, 2]),
    Pooling.max(PoolingGeometry(kernel: [3, 3], stride: [2, 2], padding: [0, 1], endPadding: [1, 0])),
  ]

  private func same(_ a: any Networks.Operation, _ b: any Networks.Operation) -> Bool {
    func equal<Kind: Networks.Operation>(_ a: Kind) -> Bool {
      guard let a = a as? any Hashable, let b = b as? any Hashable else { return false }
      return AnyHashable(a) == AnyHashable(b)
    }
    return equal(a)
  }

  @Test(arguments: operations)
  func `every operation survives the way through JSON`(operation: any Networks.Operation) throws {
    let node = Node(
      name: "a.ä", operation: operation, inputs: ["x", "y"], parameters: [.weight: "w", .runningMean: "m"])
    let read = try JSONDecoder().decode(Node.self, from: JSONEncoder().encode(node))
    #expect(same(read.operation, operation))
    #expect(read.name == node.name && read.inputs == node.inputs && read.parameters == node.parameters)
  }

  @Test func `poolings and pads of older files have equal sides and zeros, and are written as they were`() throws {
    let geometry = PoolingGeometry(kernel: [3, 2], stride: [2, 1], padding: [1, 0], ceilMode: true)
    let pooling =
      #"{"ceilMode":true,"countIncludePad":true,"kernel":[3,2],"padding":[1,0],"stride":[2,1]}"#
    let pad = #"{"after":2,"axis":1,"before":0}"#
    #expect(try JSONDecoder().decode(PoolingGeometry.self, from: Data(pooling.utf8)) == geometry)
    #expect(try JSONDecoder().decode(Pad.self, from: Data(pad.utf8)) == Pad(axis: 1, before: 0, after: 2))
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    #expect(String(decoding: try encoder.encode(geometry), as: UTF8.self) == pooling)
    #expect(String(decoding: try encoder.encode(Pad(axis: 1, before: 0, after: 2)), as: UTF8.self) == pad)
  }

  @Test func `an unknown operation is an error that names the known`() {
    let json = #"{"name": "odd", "inputs": [], "fourier": {}}"#
    let text = message { _ = try JSONDecoder().decode(Node.self, from: Data(json.utf8)) }
    #expect(text.hasPrefix("node odd has operation [\"fourier\"], expected one of convolution, linear, batchNorm"))
  }

  @Test func `a node with two operations or none is refused`() {
    for json in [#"{"name": "odd", "inputs": [], "linear": {}, "flatten": {}}"#, #"{"name": "odd", "inputs": []}"#] {
      #expect(throws: NetworkError.self) { try JSONDecoder().decode(Node.self, from: Data(json.utf8)) }
    }
  }

  @Test(arguments: Catalogue.families)
  func `an architecture without its weights comes back as it was`(name: Catalogue) throws {
    let network = try name.network(input: name.usual.shape.map { min($0, 32) }, classes: 10, seed: 0)
    let data = try JSONEncoder().encode(Architecture(network))
    let read = try JSONDecoder().decode(Architecture.self, from: data).network(with: network.parameters)
    #expect(read.parameterNames == network.parameterNames)
    #expect(try read.cost() == network.cost())
    let batch = Tensor.normal([1] + network.inputShape, using: Generator(seed: 1))
    #expect(try read(batch).doubles == network(batch).doubles)
  }

  @Test func `parameters that no node uses are dropped`() throws {
    var network = single(Convolution(), input: [1, 2, 2], [.weight: .ones([1, 1, 1, 1])])
    network.parameters["stray"] = .ones([1])
    #expect(try Architecture(network).network(with: network.parameters).parameters.keys.sorted() == ["node.weight"])
  }
}
