import Networks
import Torch

/// How a convolution becomes two: which axes of its kernel each factor takes.
///
/// Every scheme unfolds the N×C×d_h×d_w kernel into a matrix of its own, the units on the side of the second factor:
/// W ≈ second·first. Its spectrum is another for each, so schemes are compared by the Frobenius error alone. A factor
/// has the stride, padding and dilation of the axes that it takes; nothing, not even a bias, stands between the two, so
/// padding with zeros behind the first is padding before it.
public enum Scheme: String, Sendable, Codable, CaseIterable {
  /// r filters of the kernel's size, then 1×1: N × (C·d_h·d_w), the matrix that the regulariser trains.
  case spatialFirst = "kxk-1x1"
  /// 1×1 to r channels, then filters of the kernel's size: (N·d_h·d_w) × C.
  case pointwiseFirst = "1x1-kxk"
  /// d_h×1 to r channels, then 1×d_w: (N·d_w) × (C·d_h).
  case verticalFirst = "vertical-horizontal"

  /// Axes of the kernel that are columns of the matrix, taken by the first factor.
  var columns: [Int] {
    switch self {
    case .spatialFirst: [1, 2, 3]
    case .pointwiseFirst: [1]
    case .verticalFirst: [1, 2]
    }
  }

  /// Axes that are rows of the matrix, taken by the second factor.
  var rows: [Int] { [0, 2, 3].filter { !columns.contains($0) } }

  /// The schemes that differ for a weight of this shape.
  public static func all(for shape: [Int]) -> [Scheme] {
    guard shape.count == 4, shape[2] * shape[3] > 1 else { return [.spatialFirst] }
    return shape[2] > 1 && shape[3] > 1 ? allCases : [.spatialFirst, .pointwiseFirst]
  }

  /// A layer's N×S matrix unfolded as this scheme does it; `shape` is that of the weight.
  func unfolding(_ matrix: Tensor, _ shape: [Int]) -> Tensor {
    guard shape.count == 4 else { return matrix }
    let height = rows.map { shape[$0] }.reduce(1, *)
    return matrix.reshaped(shape).permuted(rows + columns).reshaped([height, -1])
  }

  /// The N×S matrix of an unfolding.
  func folding(_ matrix: Tensor, _ shape: [Int]) -> Tensor {
    guard shape.count == 4 else { return matrix }
    let order = rows + columns
    let back = (0..<4).map { axis in order.firstIndex(of: axis) ?? 0 }
    return matrix.reshaped(order.map { shape[$0] }).permuted(back).reshaped([shape[0], -1])
  }
}

/// One of two factors: what it does and the shape of its weight.
struct Factor {
  var operation: any Operation
  var shape: [Int]
}

extension Scheme {
  /// What a layer with a weight of `shape` becomes at `rank`.
  func factors(of operation: any Operation, _ shape: [Int], rank: Int) -> (first: Factor, second: Factor) {
    guard shape.count == 4, let convolution = operation as? Convolution else {
      return (
        Factor(operation: Linear(), shape: [rank, shape[1]]), Factor(operation: Linear(), shape: [shape[0], rank])
      )
    }
    let sides = [columns, rows].map { axes in
      (0..<2).map { axes.contains($0 + 2) ? shape[$0 + 2] : 1 }
    }
    return (
      Factor(operation: part(of: convolution, columns), shape: [rank, shape[1]] + sides[0]),
      Factor(operation: part(of: convolution, rows), shape: [shape[0], rank] + sides[1])
    )
  }

  /// The convolution along those axes of the image that are among the kernel's `axes`.
  private func part(of convolution: Convolution, _ axes: [Int]) -> Convolution {
    var part = ConvolutionGeometry()
    for axis in 0..<2 where axes.contains(axis + 2) {
      part.stride[axis] = convolution.geometry.stride[axis]
      part.padding[axis] = convolution.geometry.padding[axis]
      part.dilation[axis] = convolution.geometry.dilation[axis]
    }
    return Convolution(part)
  }

  /// The weights of both factors from the matrices of a decomposition, r × columns and rows × r.
  func weights(_ first: Tensor, _ second: Tensor, _ shape: [Int]) -> (first: Tensor, second: Tensor) {
    guard shape.count == 4 else { return (first, second) }
    let rank = first.shape[0]
    func sides(_ axes: [Int]) -> [Int] { [2, 3].map { axes.contains($0) ? shape[$0] : 1 } }
    return (
      first.reshaped([rank, shape[1]] + sides(columns)),
      second.reshaped([shape[0]] + sides(rows) + [rank]).permuted([0, 3, 1, 2])
    )
  }

  /// The N×S matrix that the weights of two factors make together, in float64.
  func product(_ first: Tensor, _ second: Tensor) -> Tensor {
    let (a, b) = (first.to(.float64), second.to(.float64))
    guard a.shape.count == 4 else { return b.matmul(a) }
    let shape = [b.shape[0]] + (1..<4).map { columns.contains($0) ? a.shape[$0] : b.shape[$0] }
    let rows = b.permuted([0, 2, 3, 1]).reshaped([-1, b.shape[1]])
    return folding(rows.matmul(a.unfolded), shape)
  }

  /// The scheme whose factors these can be.
  static func matching(_ first: Factor, _ second: Factor) -> Scheme? {
    guard let a = first.operation as? Convolution, let b = second.operation as? Convolution,
      a.geometry.groups == 1, b.geometry.groups == 1
    else { return nil }
    return allCases.first { scheme in
      scheme.part(of: a, scheme.columns) == a && scheme.part(of: b, scheme.rows) == b
        && (2..<4).allSatisfy { (scheme.columns.contains($0) ? second : first).shape[$0] == 1 }
    }
  }
}

/// Which schemes a plan may choose from.
public enum SchemeChoice: String, Sendable, Codable, CaseIterable {
  /// The one whose matrix the regulariser trains.
  case trained
  /// For each layer the best.
  case any

  var allowed: [Scheme] { self == .any ? Scheme.allCases : [.spatialFirst] }
}
