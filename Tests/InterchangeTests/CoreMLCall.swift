import CoreMLSchema
import Foundation
import Testing
import Torch

/// An operation of an ML program with what it reads.
struct CoreMLCall {
  struct Problem: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  typealias Value = CoreMLInterpreter.Value

  private let operation: CoreMLOperation
  private let values: [String: Value]
  private let weights: CoreMLWeightReader

  init(_ operation: CoreMLOperation, _ values: [String: Value], _ weights: CoreMLWeightReader) {
    (self.operation, self.values, self.weights) = (operation, values, weights)
  }

  func result() throws -> Value {
    switch operation.type {
    case "const": try read(try #require(operation.attributes["val"]))
    case "constexpr_affine_dequantize": .tensor(try dequantized())
    default: .tensor(try computed())
    }
  }

  private func computed() throws -> Tensor {
    let x = try operation.inputs["x"].map { _ in try tensor("x") } ?? .zeros([])
    if let simple = try elementwise(x) ?? shaped(x) { return simple }
    switch operation.type {
    case "conv":
      let geometry = ConvolutionGeometry(
        stride: try ints("strides"), dilation: try ints("dilations"), groups: try int("groups"))
      return try padded(x).convolved(with: tensor("weight"), bias: optional("bias"), geometry)
    case "conv_transpose":
      let groups = try int("groups")
      let geometry = ConvolutionGeometry(
        stride: try ints("strides"), dilation: try ints("dilations"), groups: groups)
      try #require(try text("pad_type") == "custom")
      let whole = try x.transposedConvolved(
        with: tensor("weight").swappingGroupedAxes(groups: groups), bias: optional("bias"), geometry,
        outputPadding: [0, 0])
      let pads = try ints("pad")
      return whole.padded([-pads[2], -pads[3], -pads[0], -pads[1]])
    case "upsample_nearest_neighbor":
      let scales = [try int("scale_factor_height"), try int("scale_factor_width")]
      return x.upsampled(.nearest, size: zip(x.shape.suffix(2), scales).map { $0 * $1 })
    case "resize_bilinear":
      let aligns = try text("sampling_mode") == "STRICT_ALIGN_CORNERS"
      try #require(try aligns || text("sampling_mode") == "UNALIGN_CORNERS")
      let size = [try int("target_size_height"), try int("target_size_width")]
      return x.upsampled(.linear(alignCorners: aligns), size: size)
    case "linear": return x.linear(try tensor("weight"), bias: try optional("bias"))
    case "matmul":
      try #require(try !flag("transpose_x") && !flag("transpose_y"))
      return x.matmul(try tensor("y"))
    case "max_pool": return try padded(x, with: -.infinity).maxPooled(windows())
    case "avg_pool":
      let means = try padded(x).averagePooled(windows())
      guard try flag("exclude_padding_from_average") else { return means }
      return means / (try padded(.ones(x.shape)).averagePooled(windows()))
    case "layer_norm": return try layerNorm(x)
    case "softmax": return x.softmax(axis: try int("axis"))
    case "reduce_mean", "reduce_max", "reduce_log_sum_exp": return try reduced(x)
    default: throw Problem("there is no operation \(operation.type)")
    }
  }

  private func elementwise(_ x: Tensor) throws -> Tensor? {
    switch operation.type {
    case "cast": x
    case "add": x + (try tensor("y"))
    case "sub": x - (try tensor("y"))
    case "mul": x * (try tensor("y"))
    case "real_div": x / (try tensor("y"))
    case "pow": x.power(try number("y"))
    case "minimum": x.clamped(to: -Double.infinity...(try number("y")))
    case "sqrt": x.squareRoot
    case "relu": x.relu
    case "leaky_relu": x.relu - (-x).relu * (try number("alpha"))
    case "prelu": x.relu - (-x).relu * (try tensor("alpha")).reshaped([1, -1, 1, 1])
    case "clip": x.clamped(to: try number("alpha")...number("beta"))
    case "elu": x.elu(alpha: try number("alpha"))
    case "gelu": x.gelu(approximated: try text("mode") == "TANH_APPROXIMATION")
    case "silu": x * x.sigmoid
    case "sigmoid": x.sigmoid
    case "tanh": x.hyperbolicTangent
    case "erf": x.errorFunction
    case "softplus": x.softplus
    case "exp": x.exponential
    case "log": (x + (try number("epsilon"))).logarithm
    case "abs": x.magnitude
    case "sign": x.sign
    case "sigmoid_hard": (x * (try number("alpha")) + (try number("beta"))).clamped(to: 0...1)
    default: nil
    }
  }

  private func shaped(_ x: Tensor) throws -> Tensor? {
    switch operation.type {
    case "reshape":
      try #require(try ints("shape").reduce(1, *) == x.count)
      return x.reshaped(try ints("shape"))
    case "transpose":
      try #require(try ints("perm").sorted() == Array(x.shape.indices))
      return x.permuted(try ints("perm"))
    case "gather": return x.selecting(try ints("indices"), axis: try int("axis"))
    case "pad":
      try #require(try text("mode") == "constant")
      let pads = try ints("pad")
      try #require(pads.count == 2 * x.shape.count)
      let backwards = x.shape.indices.reversed().flatMap { [pads[2 * $0], pads[2 * $0 + 1]] }
      return x.padded(backwards, with: try number("constant_val"))
    case "slice_by_index":
      let (begin, end, stride) = (try ints("begin"), try ints("end"), try ints("stride"))
      return x.shape.indices.reduce(x) { $0.slice(axis: $1, from: begin[$1], to: end[$1], step: stride[$1]) }
    case "concat":
      try #require(try !flag("interleave"))
      let parts = try #require(operation.inputs["values"]).arguments.map { try tensor(called: $0.name) }
      return .concatenated(parts, axis: try int("axis"))
    default: return nil
    }
  }

  private func layerNorm(_ x: Tensor) throws -> Tensor {
    let axes = try ints("axes")
    let count = Double(axes.map { x.shape[$0] }.reduce(1, *))
    let centred = x - x.sum(axes: axes, keepingAxes: true) / count
    let variance = (centred * centred).sum(axes: axes, keepingAxes: true) / count
    var result = centred / (variance + (try number("epsilon"))).squareRoot
    if let scale = try optional("gamma") { result = result * scale }
    if let shift = try optional("beta") { result = result + shift }
    return result
  }

  private func reduced(_ x: Tensor) throws -> Tensor {
    let axes = try ints("axes")
    try #require(try flag("keep_dims"))
    switch operation.type {
    case "reduce_max": return x.max(axes: axes, keepingAxes: true)
    case "reduce_mean":
      return x.sum(axes: axes, keepingAxes: true) / Double(axes.map { x.shape[$0] }.reduce(1, *))
    default: return (x - x.logSoftmax(axis: axes[0])).slice(axis: axes[0], from: 0, to: 1)
    }
  }

  private func padded(_ x: Tensor, with value: Double = 0) throws -> Tensor {
    try #require(try text("pad_type") == "custom")
    let pads = try ints("pad")
    return x.padded([pads[2], pads[3], pads[0], pads[1]], with: value)
  }

  private func windows() throws -> PoolingGeometry {
    try #require(try !flag("ceil_mode"))
    return PoolingGeometry(kernel: try ints("kernel_sizes"), stride: try ints("strides"))
  }

  private func dequantized() throws -> Tensor {
    func attribute(_ name: String) throws -> Tensor {
      guard case .tensor(let tensor) = try read(try #require(operation.attributes[name])) else {
        throw Problem("\(name) is no tensor")
      }
      return tensor
    }
    guard case .ints(let axis) = try read(try #require(operation.attributes["axis"])), axis == [0] else {
      throw Problem("expected a scale for each unit")
    }
    let numbers = try attribute("quantized_data")
    let column = [-1] + numbers.shape.dropFirst().map { _ in 1 }
    return try (numbers - attribute("zero_point").reshaped(column)) * attribute("scale").reshaped(column)
  }
}

// MARK: What it reads

extension CoreMLCall {
  private func value(_ name: String) throws -> Value {
    let arguments = try #require(operation.inputs[name], "\(operation.type) has no \(name)").arguments
    try #require(arguments.count == 1)
    return try #require(values[arguments[0].name], "\(arguments[0].name) is read before it is made")
  }

  private func tensor(called name: String) throws -> Tensor {
    guard case .tensor(let tensor) = try #require(values[name], "\(name) is read before it is made") else {
      throw Problem("\(name) is no tensor")
    }
    return tensor
  }

  private func tensor(_ name: String) throws -> Tensor {
    guard case .tensor(let tensor) = try value(name) else { throw Problem("\(name) is no tensor") }
    return tensor
  }

  private func optional(_ name: String) throws -> Tensor? { try operation.inputs[name].map { _ in try tensor(name) } }

  private func number(_ name: String) throws -> Double { try tensor(name).item }

  private func ints(_ name: String) throws -> [Int] {
    guard case .ints(let numbers) = try value(name) else { throw Problem("\(name) is no list of whole numbers") }
    return numbers
  }

  private func int(_ name: String) throws -> Int { try #require(try ints(name).first) }

  private func flag(_ name: String) throws -> Bool {
    guard case .flag(let flag) = try value(name) else { throw Problem("\(name) is neither true nor false") }
    return flag
  }

  private func text(_ name: String) throws -> String {
    guard case .text(let text) = try value(name) else { throw Problem("\(name) is no text") }
    return text
  }

  private func read(_ value: CoreMLValue) throws -> Value {
    let (shape, type) = (value.type.shape, value.type.tensorType.dataType)
    let immediate = value.immediateValue.tensor
    switch type {
    case .string: return .text(try #require(immediate.strings.values.first))
    case .bool: return .flag(immediate.bools.values == [true])
    case .int32: return .ints(immediate.ints.values.map(Int.init))
    case .float32 where value.blobFileValue.offset == 0:
      return .tensor(Tensor(immediate.floats.values, shape: shape))
    case .float16, .float32, .int8: return .tensor(try numbers(value, shape, type))
    default: throw Problem("a constant is a \(type)")
    }
  }

  private func numbers(_ value: CoreMLValue, _ shape: [Int], _ type: CoreMLDataType) throws -> Tensor {
    let (kind, width, dtype): (UInt32, Int, Tensor.DType) =
      switch type {
      case .float16: (1, 2, .float16)
      case .float32: (2, 4, .float32)
      default: (4, 1, .uint8)
      }
    var bytes = value.immediateValue.tensor.bytes.values
    if value.blobFileValue.offset > 0 {
      try #require(value.blobFileValue.fileName == "@model_path/weights/weight.bin")
      bytes = try weights.bytes(
        at: value.blobFileValue.offset, kind: kind, size: shape.reduce(width, *))
    }
    if type == .int8 { return Tensor(bytes.map { Float(Int8(bitPattern: $0)) }, shape: shape) }
    return bytes.withUnsafeBytes { Tensor(copying: $0, dtype: dtype, shape: shape).to(.float32) }
  }
}
