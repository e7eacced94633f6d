import Torch

/// Builds a network value by value, so that an architecture reads like its figure.
///
/// Each function appends one node and returns its name, to be read by the next:
///
///     var net = NetworkBuilder(input: [3, 32, 32], seed: 0)
///     var x = try net.convolution(net.input, "conv1", units: 16, kernel: [3, 3], padding: [1, 1])
///     x = try net.relu(net.batchNorm(x, "bn1"))
public struct NetworkBuilder {
  /// The name of the network's input.
  public let input = Network.inputName
  private var network: Network
  private var shapes: [String: [Int]]
  /// Nil where weights are not drawn.
  private let generator: Generator?
  private var unnamed = 0

  /// How weights start.
  public enum Initialization: Sendable {
    /// Normal with variance 2/(units·taps), for ReLU (He et al. 2015, fan-out).
    case heNormal
    /// PyTorch's default for convolutions and linear layers: uniform on ±1/√(inputs·taps).
    case uniform

    /// A new weight of units × inputs (× taps).
    func weight(_ shape: [Int], using generator: Generator) -> Tensor {
      let taps = shape.dropFirst(2).reduce(1, *)
      switch self {
      case .heNormal:
        return Tensor.normal(shape, using: generator) * (2 / Double(max(1, shape[0] * taps))).squareRoot()
      case .uniform: return Self.uniform(shape, inputs: shape[1] * taps, using: generator)
      }
    }

    /// Uniform on ±1/√inputs, for biases too.
    static func uniform(_ shape: [Int], inputs: Int, using generator: Generator) -> Tensor {
      let bound = 1 / Double(max(1, inputs)).squareRoot()
      return Tensor.uniform(shape, in: -bound...bound, using: generator)
    }
  }

  public init(input shape: [Int], seed: UInt64) {
    network = Network(inputShape: shape, nodes: [], output: Network.inputName, parameters: [:])
    shapes = [Network.inputName: shape]
    generator = Generator(seed: seed)
  }

  /// A builder of a network that is to be counted: every tensor is a single zero spread over its shape, so building
  /// takes neither memory nor time.
  public init(withoutWeightsFor shape: [Int]) {
    network = Network(inputShape: shape, nodes: [], output: Network.inputName, parameters: [:])
    shapes = [Network.inputName: shape]
    generator = nil
  }

  /// A new tensor, drawn if this builder draws weights.
  func drawn(_ shape: [Int], _ draw: (Generator) -> Tensor) -> Tensor {
    generator.map(draw) ?? .zeros(shape.map { _ in 1 }).expanded(shape)
  }

  /// The shape of a value for one image.
  public func shape(of value: String) -> [Int] { shapes[value] ?? [] }

  /// The finished network whose result is `output`.
  ///
  /// Mutating so that `net.finish(net.linear(x, "linear"))` reads the builder after the layer is appended, not before.
  public mutating func finish(_ output: String) throws -> Network {
    var result = network
    result.output = output
    try result.validate()
    return result
  }

  /// Appends any operation; a name is made from its kind when none is given.
  ///
  /// - Parameter own: names of parameters that are not called after the node.
  public mutating func append(
    _ operation: any Operation, _ name: String? = nil, reading inputs: [String],
    parameters tensors: [Role: Tensor] = [:], called own: [Role: String] = [:]
  ) throws -> String {
    let name = name ?? nextName(type(of: operation).kind)
    var names: [Role: String] = [:]
    for (role, tensor) in tensors {
      let parameter = own[role] ?? "\(name).\(role.rawValue)"
      names[role] = parameter
      network.parameters[parameter] = tensor
    }
    do {
      shapes[name] = try operation.shape(of: inputs.map(shape), parameters: tensors.mapValues(\.shape))
    } catch let error as NetworkError {
      throw NetworkError("node \(name) \(error.description)")
    }
    network.nodes.append(Node(name: name, operation: operation, inputs: inputs, parameters: names))
    return name
  }

  private mutating func nextName(_ kind: String) -> String {
    unnamed += 1
    return "\(kind)\(unnamed)"
  }
}

extension Network {
  /// The network with weights and biases of layers drawn anew, as `NetworkBuilder` draws them unless it is told how.
  public func withNewWeights(seed: UInt64) -> Network {
    var result = self
    let generator = Generator(seed: seed)
    for node in nodes where node.operation is any WeightedOperation {
      guard let weight = parameter(.weight, of: node) else { continue }
      let inputs = weight.shape.dropFirst().reduce(1, *)
      let initialization: NetworkBuilder.Initialization = weight.shape.count > 2 ? .heNormal : .uniform
      result.set(.weight, of: node.name, to: initialization.weight(weight.shape, using: generator))
      guard let bias = parameter(.bias, of: node) else { continue }
      result.set(
        .bias, of: node.name,
        to: NetworkBuilder.Initialization.uniform(bias.shape, inputs: inputs, using: generator))
    }
    return result
  }
}

// MARK: Layers with parameters

extension NetworkBuilder {
  /// A convolution of `units` filters; `kernel`, `stride` and `padding` are (vertical, horizontal).
  public mutating func convolution(
    _ x: String, _ name: String, units: Int, kernel: [Int], stride: [Int] = [1, 1], padding: [Int] = [0, 0],
    groups: Int = 1, bias: Bool = false, initialization: Initialization = .heNormal
  ) throws -> String {
    let reads = (shape(of: x).first ?? 0) / groups
    let shape = [units, reads] + kernel
    var tensors = [Role.weight: drawn(shape) { initialization.weight(shape, using: $0) }]
    if bias {
      tensors[.bias] = drawn([units]) { Initialization.uniform([units], inputs: kernel.reduce(reads, *), using: $0) }
    }
    let geometry = ConvolutionGeometry(stride: stride, padding: padding, groups: groups)
    return try append(Convolution(geometry), name, reading: [x], parameters: tensors)
  }

  /// A fully connected layer from the last axis to `units`, with new weights.
  ///
  /// - Parameter own: names of parameters that are not called after the layer.
  /// - Throws: `NetworkError` when the operation cannot read a value of that shape.
  public mutating func linear(
    _ x: String, _ name: String, units: Int, bias: Bool = true, initialization: Initialization = .uniform,
    called own: [Role: String] = [:]
  ) throws -> String {
    let reads = shape(of: x).last ?? 0
    var tensors = [Role.weight: drawn([units, reads]) { initialization.weight([units, reads], using: $0) }]
    if bias { tensors[.bias] = drawn([units]) { Initialization.uniform([units], inputs: reads, using: $0) } }
    return try append(Linear(), name, reading: [x], parameters: tensors, called: own)
  }

  /// Batch normalisation of the first axis (channels), with γ = 1, β = 0 and statistics of nothing seen.
  ///
  /// - Throws: `NetworkError` when the operation cannot read a value of that shape.
  public mutating func batchNorm(_ x: String, _ name: String, _ norm: BatchNorm = BatchNorm()) throws -> String {
    let channels = [shape(of: x).first ?? 0]
    return try append(
      norm, name, reading: [x],
      parameters: [
        .weight: .ones(channels), .bias: .zeros(channels),
        .runningMean: .zeros(channels), .runningVariance: .ones(channels),
      ])
  }
}

// MARK: Operations without parameters

/// All throw `NetworkError` when the operation cannot read a value of that shape.
extension NetworkBuilder {
  /// max(0, x).
  public mutating func relu(_ x: String) throws -> String { try append(Activation.relu, reading: [x]) }

  /// Any elementwise non-linearity.
  public mutating func activation(_ x: String, _ activation: Activation) throws -> String {
    try append(activation, reading: [x])
  }

  /// The largest value of each window of `size`×`size` pixels, one window beside the other unless a stride is given.
  public mutating func maxPool(_ x: String, _ size: Int, stride: Int? = nil, padding: Int = 0) throws -> String {
    let steps = [stride ?? size, stride ?? size]
    let geometry = PoolingGeometry(kernel: [size, size], stride: steps, padding: [padding, padding])
    return try append(Pooling.max(geometry), reading: [x])
  }

  /// The mean of each window; `kernel` and `stride` are (vertical, horizontal).
  public mutating func averagePool(_ x: String, kernel: [Int], stride: [Int]) throws -> String {
    try append(Pooling.average(PoolingGeometry(kernel: kernel, stride: stride)), reading: [x])
  }

  /// The mean of each channel over all pixels, C×1×1.
  public mutating func globalAveragePool(_ x: String) throws -> String {
    try append(Pooling.globalAverage, reading: [x])
  }

  /// All axes as one.
  public mutating func flatten(_ x: String) throws -> String { try append(Flatten(), reading: [x]) }

  /// The sum of two values of one shape.
  public mutating func add(_ a: String, _ b: String) throws -> String {
    try append(Elementwise.add, reading: [a, b])
  }

  /// Values joined along their first axis.
  public mutating func concatenate(_ values: [String]) throws -> String {
    try append(Concatenate(), reading: values)
  }

  /// Elements set to zero with that probability in training, the others scaled up.
  public mutating func dropout(_ x: String, _ probability: Double) throws -> String {
    try append(Dropout(probability), reading: [x])
  }
}
