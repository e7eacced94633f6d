import Networks
import ONNXSchema
import Torch

/// How numbers of 8 bits are read: QuantizeLinear and DequantizeLinear one after the other become one node, and weights
/// keep their scales.
extension ONNXGraphReader {
  mutating func readQuantize(_ node: ONNXNodeProto) throws {
    set(node.output[0], .quantized(try image(node), try grid(node, node.elementWithoutZeroPoint)))
  }

  mutating func readDequantize(_ node: ONNXNodeProto) throws {
    guard case .quantized(let image, let grid) = value(node, 0) else {
      throw ONNXProblem("reads no value that QuantizeLinear made")
    }
    let own = try self.grid(node, grid.element)
    guard own == grid else {
      throw ONNXProblem("has another scale or zero point than the QuantizeLinear before it")
    }
    try finish(Quantize(grid), node, of: image)
  }

  /// - Parameter element: what the numbers are where no zero point says it.
  private func grid(_ node: ONNXNodeProto, _ element: QuantizationGrid.Element) throws -> QuantizationGrid {
    guard let scale = try constant(node, 1)?.single else {
      throw ONNXProblem("has no single scale, as values of a network need")
    }
    guard let zero = try constant(node, 2) else { return QuantizationGrid(scale: scale, element) }
    let element = try zero.eightBits
    guard let point = zero.integers?.first, zero.count == 1 else {
      throw ONNXProblem("has zero points of shape \(zero.shape), expected one")
    }
    return QuantizationGrid(scale: scale, zeroPoint: point, element)
  }

  /// A constant as whole numbers.
  func quantized(_ constant: ONNXConstant, _ node: ONNXNodeProto) throws -> ONNXConstant {
    let (scales, points) = try grids(of: constant, node)
    let element = try self.constant(node, 2)?.eightBits ?? node.elementWithoutZeroPoint
    let range = QuantizationGrid(scale: 1, element).range
    let all = points.expanded(constant.shape).doubles
    let values = zip((constant.tensor / scales).doubles, all).map { value, point in
      min(max(value.rounded(.toNearestOrEven) + point, Double(range.lowerBound)), Double(range.upperBound))
    }
    var result = ONNXConstant(
      name: node.output[0], shape: constant.shape, values: values, isWhole: true, isParameter: constant.isParameter)
    result.element = element == .int8 ? .int8 : .uint8
    return result
  }

  /// Whole numbers as what they stand for.
  func dequantized(_ constant: ONNXConstant, _ node: ONNXNodeProto) throws -> ONNXConstant {
    guard constant.isWhole else { throw ONNXProblem("reads numbers that are not whole") }
    let (scales, points) = try grids(of: constant, node)
    let tensor = (constant.tensor - points) * scales
    var result = ONNXConstant(
      name: node.output[0], shape: constant.shape, numbers: .real(tensor), isParameter: constant.isParameter)
    if constant.element == .int8, points.maximumMagnitude == 0 {
      result.grid = (scales.values(as: Float.self), scales.count == 1 ? 0 : scales.shape.firstIndex { $0 > 1 } ?? 0)
    }
    return result
  }

  /// Scales and zero points, in shapes that meet the constant's.
  private func grids(of constant: ONNXConstant, _ node: ONNXNodeProto) throws -> (scales: Tensor, points: Tensor) {
    guard node.integer("block_size") ?? 0 == 0 else { throw ONNXProblem("has a scale for each block") }
    guard let scale = try self.constant(node, 1) else { throw ONNXProblem("has no scale") }
    let axis = node.integer("axis") ?? 1
    let place = axis < 0 ? axis + constant.shape.count : axis
    let shape = constant.shape.indices.map { $0 == place ? constant.shape[$0] : 1 }
    func meeting(_ own: ONNXConstant) throws -> Tensor {
      guard own.count == 1 || own.shape == shape.filter({ $0 > 1 }) || own.shape == [shape.reduce(1, *)] else {
        throw ONNXProblem("has scales or zero points of shape \(own.shape) for a constant of shape \(constant.shape)")
      }
      return own.tensor.reshaped(own.count == 1 ? shape.map { _ in 1 } : shape)
    }
    guard scale.doubles.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw ONNXProblem("has a scale that is not above 0")
    }
    return (try meeting(scale), try self.constant(node, 2).map(meeting) ?? .zeros(shape.map { _ in 1 }))
  }
}

extension ONNXNodeProto {
  /// What a QuantizeLinear makes where no zero point says it: uint8, or since opset 21 what an attribute says.
  fileprivate var elementWithoutZeroPoint: QuantizationGrid.Element {
    get throws {
      switch ONNXType(rawValue: Int32(clamping: integer("output_dtype") ?? 0)) {
      case .int8: .int8
      case .uint8: .uint8
      case _ where integer("output_dtype") ?? 0 == 0: .uint8
      default: throw ONNXProblem("makes numbers of another kind than int8 and uint8")
      }
    }
  }
}

extension ONNXConstant {
  /// What a zero point says of the numbers that it is for.
  fileprivate var eightBits: QuantizationGrid.Element {
    get throws {
      switch element {
      case .int8: .int8
      case .uint8: .uint8
      default: throw ONNXProblem("makes numbers of another kind than int8 and uint8")
      }
    }
  }

  /// For each unit of a layer's weight its scale, to be stored with it; nil where it was not made of int8 around zero.
  ///
  /// - Parameter axis: of the units.
  func scales(ofUnits axis: Int) throws -> (name: String, tensor: Tensor)? {
    guard let grid else { return nil }
    let units = shape[axis]
    if grid.scales.count == 1 {
      return (name: "", tensor: Tensor(Array(repeating: grid.scales[0], count: units), shape: [units]))
    }
    guard grid.axis == axis else {
      throw ONNXProblem("has a weight with scales along axis \(grid.axis), expected one for each unit (axis \(axis))")
    }
    return (name: "", tensor: Tensor(grid.scales, shape: [units]))
  }
}
