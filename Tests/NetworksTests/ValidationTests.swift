import Architectures
import Networks
import Testing
import Torch

@Suite struct ValidationTests {
  /// Two convolutions on 3×8×8 images.
  private func network() throws -> Network {
    var net = NetworkBuilder(input: [3, 8, 8], seed: 0)
    let x = try net.convolution(net.input, "first", units: 4, kernel: [3, 3], bias: true)
    return try net.finish(net.convolution(x, "second", units: 2, kernel: [1, 1]))
  }

  private func complaint(_ change: (inout Network) throws -> Void) throws -> String {
    var network = try network()
    try change(&network)
    return message { try network.validate() }
  }

  @Test func `a good network is given its shapes`() throws {
    #expect(try network().validate() == ["input": [3, 8, 8], "first": [4, 6, 6], "second": [2, 6, 6]])
  }

  @Test func `nodes in the wrong order are refused`() throws {
    let text = try complaint { $0.nodes.reverse() }
    #expect(text == "node second reads first, which no earlier node makes")
  }

  @Test func `a missing parameter is named with its node`() throws {
    let text = try complaint { $0.parameters["first.weight"] = nil }
    #expect(text == "node first uses parameter first.weight, which is missing")
  }

  @Test func `a role without a parameter is named with its node`() throws {
    #expect(try complaint { $0.nodes[1].parameters = [:] } == "node second has no weight")
  }

  @Test func `a weight of the wrong shape is named with its node`() throws {
    let text = try complaint { $0.parameters["second.weight"] = .zeros([2, 5, 1, 1]) }
    #expect(text == "node second has a weight of shape [2, 5, 1, 1] in 1 groups, but reads 4 channels")
    #expect(try complaint { $0.parameters["second.weight"] = .zeros([2, 4]) }.hasPrefix("node second has a weight"))
    #expect(try complaint { $0.parameters["first.bias"] = .zeros([5]) }.hasPrefix("node first has a bias"))
  }

  @Test func `two nodes of one name are refused`() throws {
    #expect(try complaint { $0.nodes.append($0.nodes[1]) } == "node second has a name that is already taken")
  }

  @Test func `a node cannot be called as the input`() throws {
    let text = try complaint {
      $0.nodes[1].name = "input"
      $0.output = "input"
    }
    #expect(text == "node input has a name that is already taken")
  }

  @Test func `an output that no node makes is refused`() throws {
    #expect(try complaint { $0.output = "third" } == "the output is called third, but no node is")
    #expect(try complaint { $0.output = "input" } == "the output is called input, but no node is")
  }

  @Test func `an input shape that is not an image is refused`() throws {
    for shape in [[3, 8], [3, 8, 0], [3, 8, -1], [3, 8, 1 << 40]] {
      #expect(try complaint { $0.inputShape = shape }.hasPrefix("the input has shape"))
    }
  }

  @Test func `a kernel larger than the image is named with its node`() throws {
    #expect(
      try complaint { $0.inputShape = [3, 2, 2] }.hasPrefix("node first has a kernel of [3, 3] that does not fit"))
  }

  @Test func `whole numbers are no weights`() throws {
    let text = try complaint { $0.parameters["first.weight"] = $0.parameters["first.weight"]?.to(.int64) }
    #expect(text.hasPrefix("node first uses parameter first.weight of type int64"))
  }

  @Test func `shapes that overflow are refused`() throws {
    let huge = 1 << 30
    let text = try complaint {
      $0.nodes.append(Node(name: "third", operation: Reshape([huge, huge, huge, huge]), inputs: ["second"]))
    }
    #expect(text.hasPrefix("node third cannot give"))
    let padded = try complaint {
      for axis in 0..<3 {
        let pad = Pad(axis: axis, before: 1 << 20, after: 0)
        $0.nodes.append(Node(name: "pad\(axis)", operation: pad, inputs: [axis == 0 ? "second" : "pad\(axis - 1)"]))
      }
    }
    #expect(padded.hasPrefix("node pad1 makes a value of shape") && padded.hasSuffix("too large"))
  }

  @Test(
    arguments: [
      Activation.cappedRelu(limit: -1), Pooling.max(PoolingGeometry(kernel: [9, 9])),
      Pooling.average(PoolingGeometry(kernel: [2, 2], padding: [2, 2])), Pooling.max(PoolingGeometry(kernel: [2])),
      Pooling.max(PoolingGeometry(kernel: [2, 2], stride: [0, 1])), Slice(axis: 0, start: 2, end: 2),
      Slice(axis: 3), Slice(axis: 0, end: 7), Slice(axis: 1, step: 0), Slice(axis: 1, start: -1),
      Pooling.max(PoolingGeometry(kernel: [2, 2], endPadding: [2, 0])), PReLU(isShared: true), LogSoftmax(axis: 3),
      Maximum(axes: []), Maximum(axes: [1, 1]), Maximum(axes: [3]),
      Pad(axis: 3, before: 0, after: 0), Pad(axis: 1, before: 1, after: 0, value: .infinity),
      Pad(axis: 0, before: -1, after: 0), Dropout(1), Dropout(-0.1), Reshape([7]), Reshape([-1, 5]), Reshape([]),
      Elementwise.add,
      Convolution(ConvolutionGeometry(groups: 0)), Linear(), BatchNorm(),
    ] as [any Networks.Operation])
  func `an operation that does not fit its input says so and names the node`(operation: any Networks.Operation) throws {
    let node = Node(name: "bad", operation: operation, inputs: ["second"])
    #expect(
      try complaint {
        $0.nodes.append(node)
        $0.output = "bad"
      }.hasPrefix("node bad "))
  }

  @Test func `geometry from outside is checked before it is used`() throws {
    for geometry in [
      ConvolutionGeometry(stride: [1]), ConvolutionGeometry(stride: [0, 1]), ConvolutionGeometry(padding: [-1, 0]),
      ConvolutionGeometry(dilation: [0, 1]), ConvolutionGeometry(groups: -1), ConvolutionGeometry(groups: .max),
      ConvolutionGeometry(padding: [.max, .max]), ConvolutionGeometry(dilation: [1 << 20, 1]),
    ] {
      #expect(try complaint { $0.nodes[0].operation = Convolution(geometry) }.hasPrefix("node first "))
    }
  }

  @Test func `a linear layer without units is refused`() {
    var network = single(Linear(), input: [3, 1, 1], [.weight: .zeros([0, 3])])
    network.nodes[0].inputs = ["flat"]
    network.nodes.insert(Node(name: "flat", operation: Flatten(), inputs: [Network.inputName]), at: 0)
    #expect(message { try network.validate() }.hasPrefix("node node has a weight of shape [0, 3]"))
  }

  @Test func `operands and parts that do not match are refused`() throws {
    for operation in [Elementwise.add, Elementwise.multiply, Concatenate()] as [any Networks.Operation] {
      let text = try complaint {
        $0.nodes.append(Node(name: "both", operation: operation, inputs: ["first", "input"]))
      }
      #expect(text.hasPrefix("node both reads shapes"))
    }
  }

  @Test func `an architecture is checked against shapes alone`() throws {
    let network = try network()
    let shapes = network.parameters.mapValues(\.shape)
    #expect(try network.validate(parameterShapes: shapes) == network.validate())
    #expect(throws: NetworkError.self) { try network.validate(parameterShapes: [:]) }
  }

  @Test func `the builder names the node that does not fit`() {
    let text = message {
      var net = NetworkBuilder(input: [3, 4, 4], seed: 0)
      _ = try net.convolution(net.input, "wide", units: 2, kernel: [5, 5])
    }
    #expect(text.hasPrefix("node wide has a kernel"))
  }

  @Test func `the builder sees a layer that is made in the call that finishes it`() throws {
    var net = NetworkBuilder(input: [1, 2, 2], seed: 0)
    #expect(try net.finish(net.relu(net.input)).nodes.count == 1)
  }
}
