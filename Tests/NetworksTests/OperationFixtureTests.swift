import Networks
import Testing
import Torch

/// Every operation against PyTorch's answer.
@Suite struct OperationFixtureTests {
  struct Cases: Decodable { let cases: [Case] }
  struct Case: Decodable, CustomTestStringConvertible {
    let name: String
    let operation: String
    let inputs: [String]
    let parameters: [String]
    let outputs: [String]
    let integers: [String: [Int]]
    let numbers: [String: Double]
    let flags: [String: Bool]
    var testDescription: String { name }
  }

  /// What Thresh does not have: other activations, pooling to a size, linear layers on sequences, reshapes across the
  /// batch.
  static let unsupported: Set<String> = [
    "sigmoid", "tanh", "softmax", "adaptive_avg_pool2d", "adaptive_max_pool2d", "linear_sequence",
  ]

  static func cases() throws -> [Case] {
    try Fixture("operations", as: Cases.self).description.cases.filter { !unsupported.contains($0.name) }
  }

  @Test func `the fixture covers every kind of operation that it can`() throws {
    let kinds = Set(try Self.cases().flatMap(operations).map { type(of: $0).kind })
    let all: Set = [
      Convolution.kind, Linear.kind, BatchNorm.kind, Activation.kind, Pooling.kind, Elementwise.kind, Concatenate.kind,
      Flatten.kind, Reshape.kind, Slice.kind, Pad.kind, PReLU.kind, LogSoftmax.kind, Maximum.kind, Quantize.kind,
      Resize.kind, TransposedConvolution.kind, GroupNorm.kind,
    ]
    #expect(kinds == all)
  }

  @Test(arguments: try cases())
  func `an operation gives what PyTorch gives`(_ given: Case) throws {
    let fixture = try Fixture("operations", as: Cases.self)
    let network = try network(given, fixture)
    let inputs = try given.inputs.map { try fixture.tensor("\(given.name).\($0)") }
    let program = try Program(network, .training)
    let tensors = program.parameterNames.compactMap { network.parameters[$0] }
    // Several inputs come as slices of the channels of one image.
    let batch = inputs.count == 1 ? image(inputs[0]) : joined(inputs)
    let mode: Mode = given.flags["training"] == true ? .training : .evaluation
    let result = program.run(batch, parameters: tensors, mode: mode)
    expectClose(result.output, try fixture.tensor("\(given.name).output"))
    for (index, value) in result.statistics {
      let role = program.parameterNames[index].split(separator: ".")[1]
      expectClose(value, try fixture.tensor("\(given.name).new_\(role)"))
    }
    #expect(result.statistics.count == given.outputs.count - 1)
  }

  @Test(arguments: try cases())
  func `the shape rule predicts the shape of the result`(_ given: Case) throws {
    let fixture = try Fixture("operations", as: Cases.self)
    let network = try network(given, fixture)
    let expected = try fixture.tensor("\(given.name).output").shape
    #expect(try network.validate()[network.output] == Array(expected.dropFirst()))
  }

  private func image(_ x: Tensor) -> Tensor { x.shape.count == 2 ? x.reshaped(x.shape + [1, 1]) : x }

  /// Images of different sizes side by side in the channels; smaller ones are repeated to the size of the first.
  private func joined(_ inputs: [Tensor]) -> Tensor {
    let first = inputs[0]
    return Tensor.concatenated(
      inputs.map { $0 + Tensor.zeros([first.shape[0], $0.shape[1]] + first.shape[2...]) }, axis: 1)
  }

  private func network(_ given: Case, _ fixture: Fixture<Cases>) throws -> Network {
    let inputs = try given.inputs.map { try fixture.tensor("\(given.name).\($0)") }
    let shapes = inputs.map { image($0).shape.dropFirst() }
    var nodes: [Node] = []
    var reads = [Network.inputName]
    if inputs[0].shape.count == 2 {
      nodes = [Node(name: "flat", operation: Flatten(), inputs: reads)]
      reads = ["flat"]
    } else if inputs.count > 1 {
      (nodes, reads) = parts(shapes.map(Array.init), inputs.map(\.shape))
    }
    var tensors: [String: Tensor] = [:]
    var roles: [Role: String] = [:]
    for parameter in given.parameters {
      let role = try #require(Role(rawValue: parameter))
      roles[role] = "node.\(parameter)"
      tensors["node.\(parameter)"] = try fixture.tensor("\(given.name).\(parameter)")
    }
    for (index, operation) in operations(of: given).enumerated() {
      let name = "node\(index)"
      nodes.append(Node(name: name, operation: operation, inputs: reads, parameters: index == 0 ? roles : [:]))
      reads = [name]
    }
    let channels = inputs.count == 1 ? shapes[0].first ?? 0 : shapes.map { $0.first ?? 0 }.reduce(0, +)
    return Network(
      inputShape: [channels] + shapes[0].dropFirst(), nodes: nodes, output: reads[0], parameters: tensors)
  }

  /// Nodes that take the inputs out of the channels again; those of 1×1 pixels are pooled back to that.
  private func parts(_ shapes: [[Int]], _ full: [[Int]]) -> ([Node], [String]) {
    var (nodes, names, start): ([Node], [String], Int) = ([], [], 0)
    for (index, shape) in shapes.enumerated() {
      let slice = Slice(axis: 0, start: start, end: start + shape[0])
      nodes.append(Node(name: "part\(index)", operation: slice, inputs: [Network.inputName]))
      names.append("part\(index)")
      if shape != shapes[0] && shape[1...] == [1, 1] {
        nodes.append(Node(name: "pooled\(index)", operation: Pooling.globalMax, inputs: ["part\(index)"]))
        names[index] = "pooled\(index)"
      }
      start += shape[0]
    }
    return (nodes, names)
  }

  private func operations(of given: Case) -> [any Networks.Operation] {
    let (integers, numbers, flags) = (given.integers, given.numbers, given.flags)
    func pair(_ key: String, _ usual: [Int]) -> [Int] { integers[key] ?? usual }
    let pooling = PoolingGeometry(
      kernel: pair("kernel_size", [1, 1]), stride: integers["stride"],
      padding: pair("padding", pair("pad", [0, 0])), endPadding: integers["end"], ceilMode: flags["ceil_mode"] ?? false,
      countIncludePad: flags["count_include_pad"] ?? true)
    switch given.operation {
    case "conv2d":
      return [
        Convolution(
          ConvolutionGeometry(
            stride: pair("stride", [1, 1]), padding: pair("padding", [0, 0]), dilation: pair("dilation", [1, 1]),
            groups: integers["groups"]?[0] ?? 1))
      ]
    case "transposed":
      return [
        TransposedConvolution(
          ConvolutionGeometry(
            stride: pair("stride", []), padding: pair("padding", []), dilation: pair("dilation", []),
            groups: integers["groups"]?[0] ?? 1), outputPadding: pair("output_padding", []))
      ]
    case "group_norm": return [GroupNorm(groups: integers["groups"]?[0] ?? 0, epsilon: numbers["eps"] ?? 0)]
    case "nearest": return [Resize(.nearest(.floor), .asymmetric, to: target(of: given))]
    case "nearest-exact": return [Resize(.nearest(.halfUp), .halfPixel, to: target(of: given))]
    case "bilinear": return [Resize(.linear, .halfPixel, to: target(of: given))]
    case "bilinear_aligned": return [Resize(.linear, .alignCorners, to: target(of: given))]
    case "bicubic": return [Resize(.cubic(coefficient: -0.75), .halfPixel, to: target(of: given))]
    case "bicubic_aligned": return [Resize(.cubic(coefficient: -0.75), .alignCorners, to: target(of: given))]
    case "softplus": return [Activation.softplus]
    case "mish": return [Activation.mish]
    case "exp": return [Activation.exponential]
    case "log": return [Activation.logarithm]
    case "abs": return [Activation.absolute]
    case "linear": return [Linear()]
    case "batch_norm": return [BatchNorm(epsilon: numbers["eps"] ?? 0, momentum: numbers["momentum"] ?? 0)]
    case "relu": return [Activation.relu]
    case "leaky_relu": return [Activation.leakyRelu(slope: numbers["negative_slope"] ?? 0)]
    case "relu6": return [Activation.cappedRelu(limit: 6)]
    case "elu": return [Activation.elu(alpha: numbers["alpha"] ?? 0)]
    case "max_pool2d": return [Pooling.max(pooling)]
    case "avg_pool2d": return [Pooling.average(pooling)]
    case "adaptive_avg_pool2d": return [Pooling.globalAverage]
    case "adaptive_max_pool2d": return [Pooling.globalMax]
    case "prelu": return [PReLU(isShared: given.name == "prelu_shared")]
    case "log_softmax": return [LogSoftmax(axis: (integers["dim"]?[0] ?? 0) - 1)]
    case "amax": return [Maximum(axes: (integers["dim"] ?? []).map { $0 - 1 })]
    case "add": return [Elementwise.add]
    case "mul": return [Elementwise.multiply]
    case "concatenate": return [Concatenate()]
    case "flatten": return [Flatten()]
    // The fixture's (2, −1, 10) of a batch of 2 × 3 × 5 × 6.
    case "reshape": return [Reshape([9, 10])]
    case "slice":
      let (axes, starts, ends) = (integers["dim"] ?? [], integers["start"] ?? [], integers["end"] ?? [])
      return axes.indices.map {
        Slice(axis: axes[$0] - 1, start: starts[$0], end: ends[$0], step: integers["step"]?[$0] ?? 1)
      }
    case "pad":
      // PyTorch counts from the last axis: (before, after) of the width, the height, the channels.
      let pads = integers["pad"] ?? []
      return (0..<pads.count / 2).map {
        Pad(axis: 2 - $0, before: pads[2 * $0], after: pads[2 * $0 + 1], value: numbers["value"] ?? 0)
      }
    case "quantize":
      let element: QuantizationGrid.Element = integers["quant_min"] == [0] ? .uint8 : .int8
      let zeroPoint = integers["zero_point"]?.first ?? 0
      return [Quantize(QuantizationGrid(scale: numbers["scale"] ?? 0, zeroPoint: zeroPoint, element))]
    default: preconditionFailure("no operation for \(given.operation)")
    }
  }

  private func target(of given: Case) -> Resize.Target {
    if let size = given.integers["size"] { return .size(size) }
    return .scales([given.numbers["vertical"] ?? 0, given.numbers["horizontal"] ?? 0])
  }
}
