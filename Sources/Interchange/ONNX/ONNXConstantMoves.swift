import Torch

/// Elements of constants moved about while a graph is read.
extension ONNXConstant {
  /// The elements of `change`, which gets them in their shape, in another shape.
  func moved(to shape: [Int], _ change: (Tensor) -> Tensor) -> ONNXConstant {
    var result = self
    (result.shape, result.grid) = (shape, nil)
    switch numbers {
    case .real(let tensor): result.numbers = .real(change(tensor.reshaped(self.shape)).contiguous.reshaped(shape))
    case .whole(let values):
      let moved = change(Tensor(values.map(Int64.init), shape: self.shape)).contiguous.values(as: Int64.self)
      result.numbers = .whole(moved.map { Int($0) })
    }
    return result
  }

  func selecting(_ indices: [Int], axis: Int) -> ONNXConstant {
    var target = shape
    target[axis] = indices.count
    guard !indices.isEmpty else {
      return ONNXConstant(name: name, shape: target, values: [], isWhole: isWhole, isParameter: isParameter)
    }
    return moved(to: target) { $0.selecting(indices, axis: axis) }
  }

  /// Spread to the shape that comes of meeting `target`; nil where they do not fit.
  func expanded(to target: [Int]) throws -> ONNXConstant? {
    guard let shape = Self.spread([shape, target]) else { return nil }
    _ = try Self.checkedCount(shape)
    let filled = Array(repeating: 1, count: shape.count - self.shape.count) + self.shape
    return moved(to: shape) { $0.reshaped(filled).expanded(shape) }
  }

  /// - Throws: `ONNXProblem` when an index leads out of the axis.
  func gathered(_ indices: ONNXConstant, axis: Int) throws -> ONNXConstant {
    let axis = axis < 0 && axis >= -shape.count ? axis + shape.count : axis
    guard shape.indices.contains(axis), let numbers = indices.integers else {
      throw ONNXProblem("gathers along axis \(axis) of shape \(shape)")
    }
    let picked = numbers.map { $0 < 0 ? $0 + shape[axis] : $0 }
    guard picked.allSatisfy((0..<shape[axis]).contains) else {
      throw ONNXProblem("asks for elements \(numbers.prefix(8)) of \(shape[axis])")
    }
    let target = shape[..<axis] + indices.shape + shape[(axis + 1)...]
    _ = try Self.checkedCount(Array(target))
    return moved(to: Array(target)) { $0.selecting(picked, axis: axis) }
  }

  static func joined(_ parts: [ONNXConstant], axis: Int) throws -> ONNXConstant? {
    guard let first = parts.first else { return nil }
    let axis = axis < 0 && axis >= -first.shape.count ? axis + first.shape.count : axis
    guard first.shape.indices.contains(axis) else { throw ONNXProblem("joins axis \(axis) of shape \(first.shape)") }
    var shape = first.shape
    shape[axis] = 0
    for part in parts {
      var rest = part.shape
      guard rest.indices.contains(axis) else { throw ONNXProblem("joins axis \(axis) of shape \(rest)") }
      rest[axis] = 0
      shape[axis] &+= part.shape[axis]
      guard rest == first.shape.enumerated().map({ $0.offset == axis ? 0 : $0.element }) else {
        throw ONNXProblem("joins shapes \(parts.map(\.shape))")
      }
    }
    _ = try checkedCount(shape)
    let full = parts.filter { $0.count > 0 }
    guard let one = full.first else { return first }
    let isWhole = parts.allSatisfy(\.isWhole)
    let tensors = full.map { Tensor($0.doubles, shape: $0.shape) }
    return ONNXConstant(
      name: one.name, shape: shape, values: Tensor.concatenated(tensors, axis: axis).doubles, isWhole: isWhole,
      isParameter: parts.contains(where: \.isParameter))
  }

  /// `updates` put where `indices` say: each row of them names the first axes of a place.
  func scattered(_ indices: ONNXConstant, _ updates: ONNXConstant) throws -> ONNXConstant {
    guard let depth = indices.shape.last, depth >= 1, depth <= shape.count, let numbers = indices.integers,
      case let width = shape[depth...].reduce(1, *), updates.count == indices.count / depth * width
    else { throw ONNXProblem("puts shape \(updates.shape) at \(indices.shape) of shape \(shape)") }
    var (values, new) = (doubles, updates.doubles)
    for row in 0..<indices.count / depth {
      var place = 0
      for axis in 0..<depth {
        let index = numbers[row * depth + axis]
        let positive = index < 0 ? index + shape[axis] : index
        guard (0..<shape[axis]).contains(positive) else { throw ONNXProblem("puts elements outside of \(shape)") }
        place = place * shape[axis] + positive
      }
      values.replaceSubrange(place * width..<(place + 1) * width, with: new[row * width..<(row + 1) * width])
    }
    return ONNXConstant(name: name, shape: shape, values: values, isWhole: isWhole, isParameter: false)
  }

  /// The last two axes with zeros below a diagonal, or above it; nil where there are no two.
  func triangle(isUpper: Bool, diagonal: Int) -> ONNXConstant? {
    guard shape.count >= 2, case let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1]) else {
      return nil
    }
    let values = doubles.enumerated().map { index, value in
      let (row, column) = (index / columns % rows, index % columns)
      let isKept = isUpper ? column >= row &+ diagonal : column <= row &+ diagonal
      return isKept ? value : 0
    }
    return ONNXConstant(name: name, shape: shape, values: values, isWhole: isWhole, isParameter: false)
  }
}
