import Containers
import CoreMLSchema
import Foundation
import Networks
import Torch

/// An ML program in the making: what the rules of single operations write into.
struct CoreMLProgramWriter {
  private(set) var operations: [CoreMLOperation] = []
  private(set) var weightFile = CoreMLWeightFile()
  /// The program's variables by the names of the network's values.
  var variables: [String: String] = [:]
  /// Whether a weight is stored as int8.
  private(set) var quantizes = false
  private var names = CoreMLNames(reserved: [CoreMLInterface.label, CoreMLInterface.probabilities])
  /// Variables by the names of the network's parameters.
  private var stored: [String: String] = [:]
  private let options: CoreMLOptions

  init(_ options: CoreMLOptions) { self.options = options }

  /// What values between the operations are.
  var numbers: CoreMLDataType { options.precision == .float16 ? .float16 : .float32 }

  /// What an operation is given under one of its inputs' names.
  enum Argument {
    case variable(String)
    case variables([String])
    case int(Int)
    case ints([Int])
    case bool(Bool)
    case text(String)
    /// A number of the values' type; beyond it the largest, and never zero where it is not.
    case number(Double)
  }

  /// A name that no variable has.
  mutating func newName(like name: String) -> String { names.new(name) }

  /// Appends an operation.
  ///
  /// - Parameters:
  ///   - name: what the operation and its result are called, as far as names of variables allow.
  ///   - shape: of the result.
  ///   - element: of the result; nil is that of values.
  /// - Returns: the variable that has the result.
  mutating func append(
    _ type: String, _ inputs: [(String, Argument)], _ name: String, _ shape: [Int],
    as element: CoreMLDataType? = nil
  ) -> String {
    let result = newName(like: name)
    var operation = CoreMLOperation()
    operation.type = type
    for (key, argument) in inputs {
      operation.inputs[key] = CoreMLArgument(variables: variables(for: argument, "\(result)_\(key)"))
    }
    operation.outputs = [CoreMLNamedValueType(result, .tensor(shape, element ?? numbers))]
    append(operation, called: result)
    return result
  }

  /// Appends an operation that is made already.
  mutating func append(_ operation: CoreMLOperation, called name: String) {
    operations.append(operation)
    operations[operations.count - 1].attributes["name"] = CoreMLValue(name)
  }

  private mutating func variables(for argument: Argument, _ name: String) -> [String] {
    switch argument {
    case .variable(let variable): [variable]
    case .variables(let variables): variables
    case .int(let number): [constant(CoreMLValue([number], shape: []), name)]
    case .ints(let numbers): [constant(CoreMLValue(numbers, shape: [numbers.count]), name)]
    case .bool(let flag): [constant(CoreMLValue(flag), name)]
    case .text(let text): [constant(CoreMLValue(text), name)]
    case .number(let number): [constant(value(of: Tensor([rounded(number)], shape: []), numbers), name)]
    }
  }

  private func rounded(_ number: Double) -> Double {
    guard numbers == .float16, number != 0 else { return number }
    let magnitude = min(max(abs(number), Half.smallest), Half.largest)
    return number < 0 ? -magnitude : magnitude
  }

  private mutating func constant(_ value: CoreMLValue, _ name: String) -> String {
    let result = newName(like: name)
    var operation = CoreMLOperation()
    operation.type = "const"
    operation.outputs = [CoreMLNamedValueType(result, value.type)]
    operation.attributes["val"] = value
    append(operation, called: result)
    return result
  }
}

// MARK: Tensors

extension CoreMLProgramWriter {
  /// The ends of float16.
  private enum Half {
    static let largest = 65_504.0
    /// Smaller numbers become zero.
    static let smallest = 0x1p-24
  }

  /// Stores a tensor.
  ///
  /// - Parameter element: nil is that of values.
  /// - Returns: the variable that has it.
  /// - Throws: `ContainerError` when it holds numbers that float16 cannot.
  mutating func store(_ tensor: Tensor, _ name: String, as element: CoreMLDataType? = nil) throws -> String {
    let element = element ?? numbers
    if element == .float16 { try checkHalf(tensor, name) }
    return constant(value(of: tensor, element), name)
  }

  /// The tensor with infinite and too large numbers as the largest of the values' type, as masks have them.
  func saturated(_ tensor: Tensor) -> Tensor {
    numbers == .float16 ? tensor.clamped(to: -Half.largest...Half.largest) : tensor
  }

  /// Stores a parameter of the node, once for all nodes.
  ///
  /// - Returns: nil where the node has none.
  /// - Throws: `ContainerError` when it holds numbers that float16 cannot.
  mutating func parameter(_ role: Role, of site: CoreMLSite) throws -> Argument? {
    guard let name = site.node.parameters[role], let tensor = site.network.parameters[name] else { return nil }
    if let known = stored[name] { return .variable(known) }
    let isLayer = role == .weight && site.node.operation is any WeightedOperation
    let isQuantized = options.int8Weights && isLayer && tensor.count >= Int8Weights.fewest
    let variable = isQuantized ? try storeInt8(tensor, name) : try store(tensor, name)
    stored[name] = variable
    return .variable(variable)
  }

  private mutating func storeInt8(_ tensor: Tensor, _ name: String) throws -> String {
    if numbers == .float16 { try checkHalf(tensor, name) }
    quantizes = true
    let weights = Int8Weights(tensor, scales: numbers == .float16 ? .float16 : .float32)
    let units = [tensor.shape[0]]
    let result = newName(like: name)
    var operation = CoreMLOperation()
    operation.type = "constexpr_affine_dequantize"
    operation.outputs = [CoreMLNamedValueType(result, .tensor(tensor.shape, numbers))]
    operation.attributes = [
      "quantized_data": value(of: weights.numbers, .int8, shape: tensor.shape),
      "zero_point": value(of: Data(count: units[0]), .int8, shape: units),
      "scale": value(of: weights.scales, numbers),
      "axis": CoreMLValue([0], shape: []),
    ]
    append(operation, called: result)
    return result
  }

  private func checkHalf(_ tensor: Tensor, _ name: String) throws {
    let largest = tensor.maximumMagnitude
    guard largest > Half.largest else { return }
    throw ContainerError("\(name) holds \(largest), and float16 ends at 65504; give `precision` float32")
  }

  private mutating func value(of tensor: Tensor, _ element: CoreMLDataType) -> CoreMLValue {
    let stored = tensor.to(element == .float16 ? .float16 : .float32).contiguous
    var bytes = Data(count: stored.count * stored.dtype.size)
    bytes.withUnsafeMutableBytes { stored.read(into: $0) }
    return value(of: bytes, element, shape: tensor.shape)
  }

  /// Tensors of fewer than ten numbers stand in the program, as coremltools has it.
  private mutating func value(of bytes: Data, _ element: CoreMLDataType, shape: [Int]) -> CoreMLValue {
    guard shape.reduce(1, *) >= 10 else { return CoreMLValue(bytes, element, shape: shape) }
    return CoreMLValue(at: weightFile.append(bytes, element), element, shape: shape)
  }
}

// MARK: Nodes

extension CoreMLProgramWriter {
  /// Writes a node of the network.
  ///
  /// - Parameter shapes: of every value for one image.
  /// - Throws: `ContainerError` for an operation that cannot be written.
  mutating func write(_ node: Node, of network: Network, _ shapes: [String: [Int]]) throws {
    guard let operation = node.operation as? any CoreMLExportable else {
      throw ContainerError(
        "node \(node.name) is a \(type(of: node.operation).kind), which cannot be written for Core ML; report it")
    }
    let own = shapes[node.name] ?? []
    guard own.count <= CoreMLSite.mostAxes else {
      throw ContainerError(
        "node \(node.name) gives a value of shape \(own), and values of Core ML have five axes; write ONNX instead")
    }
    let site = CoreMLSite(
      node: node, network: network, inputs: node.inputs.compactMap { variables[$0] },
      imageShapes: node.inputs.compactMap { shapes[$0] }, imageOutput: own)
    variables[node.name] = try operation.write(site, to: &self)
  }
}

extension CoreMLArgument {
  init(variables: [String]) {
    self.init()
    arguments = variables.map { name in
      var binding = Binding()
      binding.name = name
      return binding
    }
  }

  init(_ value: CoreMLValue) {
    self.init()
    var binding = Binding()
    binding.value = value
    arguments = [binding]
  }
}
