import Torch

/// How one layer becomes several: which axes of its kernel each factor takes, in execution order.
///
/// Nothing stands between two factors, not even a bias, so padding with zeros behind the first is padding before it.
/// Each factor has the stride, padding and dilation of the axes that it takes. A decomposition is data: what factors
/// look like, what they make together and how a matrix is unfolded for them follows from the axes alone.
///
/// Cut to a rank a layer becomes a chain of factors with at most so many channels between two of them. Of a pair W ≈
/// second·first, where W is the N×C×d_h×d_w kernel unfolded with the units on the side of the second. Each pair has
/// another unfolding and so another spectrum; more than two factors have none. They are compared by the error alone.
public struct Decomposition: Sendable, Hashable {
  /// The name under which files keep it.
  public let name: String
  /// For each factor the axes of the kernel that it takes: 0 units, 1 inputs, 2 height, 3 width.
  public let factors: [[Int]]

  /// r filters of the kernel's size, then 1×1: N × (C·d_h·d_w), the matrix that the regulariser trains.
  public static let spatialFirst = Decomposition(name: "kxk-1x1", factors: [[1, 2, 3], [0]])
  /// 1×1 to r channels, then filters of the kernel's size: (N·d_h·d_w) × C.
  public static let pointwiseFirst = Decomposition(name: "1x1-kxk", factors: [[1], [0, 2, 3]])
  /// d_h×1 to r channels, then 1×d_w: (N·d_w) × (C·d_h).
  public static let verticalFirst = Decomposition(name: "vertical-horizontal", factors: [[1, 2], [0, 3]])
  /// 1×1 to r channels, filters of the kernel's size from r to r, 1×1: Tucker-2 (Kim et al. 2016, "Compression of Deep
  /// Convolutional Neural Networks for Fast and Low Power Mobile Applications"), with one rank for both sides as in
  /// HALOC (Xiao et al. 2023).
  public static let tucker = Decomposition(name: "1x1-kxk-1x1", factors: [[1], [2, 3], [0]])

  /// The kernels of its factors in their order, as `k×1→1×k`.
  public var kernels: String {
    factors.map { axes in
      (axes.contains(2) ? "k" : "1") + "×" + (axes.contains(3) ? "k" : "1")
    }.joined(separator: "→")
  }

  /// Whether it is two factors, whose ranks are those of a matrix.
  public var isPair: Bool { factors.count == 2 }

  /// Axes of the kernel that are columns of the matrix, taken by the first factor.
  public var columns: [Int] { factors[0] }

  /// Axes that are rows of the matrix, taken by what comes after the first factor.
  public var rows: [Int] { factors.dropFirst().joined().sorted() }

  /// The decompositions that differ for a weight of this shape; that of a linear layer, or of one tap, is a matrix.
  public static func all(for shape: [Int]) -> [Decomposition] {
    guard shape.count == 4, shape[2] * shape[3] > 1 else { return [.spatialFirst] }
    let hasTwoSides = shape[2] > 1 && shape[3] > 1
    return allCases.filter { hasTwoSides || $0 != .verticalFirst }
  }
}

extension Decomposition: CaseIterable {
  public static let allCases = [spatialFirst, pointwiseFirst, verticalFirst, tucker]
}

extension Decomposition: Codable {
  public init(from decoder: any Decoder) throws {
    let name = try decoder.singleValueContainer().decode(String.self)
    guard let known = Self.allCases.first(where: { $0.name == name }) else {
      let names = Self.allCases.map(\.name).joined(separator: ", ")
      throw NetworkError("a layer is decomposed as \(name.prefix(40)), expected one of \(names)")
    }
    self = known
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(name)
  }
}

// MARK: The matrix and its factors

extension Decomposition {
  /// A layer's N×S matrix unfolded for this decomposition; `shape` is that of the weight.
  public func unfolding(_ matrix: Tensor, _ shape: [Int]) -> Tensor {
    guard shape.count == 4 else { return matrix }
    let height = rows.map { shape[$0] }.reduce(1, *)
    return matrix.reshaped(shape).permuted(rows + columns).reshaped([height, -1])
  }

  /// The shape of an unfolding, or of the layer's matrix where there are more than two factors.
  public func unfoldedShape(of shape: [Int]) -> (rows: Int, columns: Int) {
    guard isPair, shape.count == 4 else { return (shape[0], shape.dropFirst().reduce(1, *)) }
    return (rows.map { shape[$0] }.reduce(1, *), columns.map { shape[$0] }.reduce(1, *))
  }

  /// The N×S matrix of an unfolding.
  public func folding(_ matrix: Tensor, _ shape: [Int]) -> Tensor {
    guard shape.count == 4 else { return matrix }
    let order = rows + columns
    let back = (0..<4).map { axis in order.firstIndex(of: axis) ?? 0 }
    return matrix.reshaped(order.map { shape[$0] }).permuted(back).reshaped([shape[0], -1])
  }

  /// The weights of a pair from the matrices of a factorisation, r × columns and rows × r.
  public func weights(_ first: Tensor, _ second: Tensor, _ shape: [Int]) -> (first: Tensor, second: Tensor) {
    guard shape.count == 4 else { return (first, second) }
    let rank = first.shape[0]
    func sides(_ axes: [Int]) -> [Int] { [2, 3].map { axes.contains($0) ? shape[$0] : 1 } }
    return (
      first.reshaped([rank, shape[1]] + sides(columns)),
      second.reshaped([shape[0]] + sides(rows) + [rank]).permuted([0, 3, 1, 2])
    )
  }

  /// How many channels are behind each factor but the last at a rank: that many, or as many as the axes on either side
  /// can fill.
  ///
  /// - Parameter shape: of the weight.
  public func ranks(at rank: Int, of shape: [Int]) -> [Int] { mostRanks(of: shape).map { min(rank, $0) } }

  /// The rank at which nothing is lost.
  public func fullRank(of shape: [Int]) -> Int { mostRanks(of: shape).max() ?? 0 }

  private func mostRanks(of shape: [Int]) -> [Int] {
    func count(_ factors: some Sequence<[Int]>) -> Int {
      factors.joined().map { $0 < shape.count ? shape[$0] : 1 }.reduce(1, *)
    }
    return (1..<factors.count).map { min(count(factors.prefix($0)), count(factors.dropFirst($0))) }
  }

  /// The shapes of the factors' weights of a layer with a weight of `shape`.
  ///
  /// - Parameter ranks: the number of channels behind each factor but the last.
  public func shapes(of shape: [Int], ranks: [Int]) -> [[Int]] {
    factors.enumerated().map { index, axes in
      let inputs = index == 0 ? shape[1] : ranks[index - 1]
      let units = index == factors.count - 1 ? shape[0] : ranks[index]
      return [units, inputs] + shape.indices.dropFirst(2).map { axes.contains($0) ? shape[$0] : 1 }
    }
  }

  /// What each factor of a layer does.
  public func operations(of layer: any WeightedOperation) -> [any WeightedOperation] {
    factors.map { layer.restricted(to: $0) }
  }

  /// Whether nodes with these operations and weights can be its factors.
  func matches(_ nodes: [(operation: any WeightedOperation, shape: [Int])]) -> Bool {
    guard nodes.count == factors.count, Set(nodes.map(\.shape.count)).count == 1,
      factors.allSatisfy({ axes in axes.contains { $0 < nodes[0].shape.count } })
    else { return false }
    return zip(nodes, factors).allSatisfy { node, axes in
      node.operation.groups == 1 && node.operation.isRestricted(to: axes)
        && node.shape.indices.dropFirst(2).allSatisfy { axes.contains($0) || node.shape[$0] == 1 }
    }
  }
}

extension Tensor {
  /// The matrix that a layer's weight is for the method: one row per unit, one column per input and tap (N × S).
  ///
  /// This is the transpose of the paper's Θ̄ ∈ R^{S×N}, S = C·d_h·d_w (Alvarez & Salzmann 2017); singular values are
  /// the same and rows are PyTorch's `weight.flatten(1)`.
  public var unfolded: Tensor { flattened(from: 1) }

  /// The weight of one layer that does what a layer with this weight does and then one with the weight `next`.
  ///
  /// Of height and width each is taken by one of the two: the other's kernel has one tap along it.
  fileprivate func followed(by next: Tensor) -> Tensor {
    guard shape.count == 4 else { return next.matmul(self) }
    let (units, inputs) = (next.shape[0], shape[1])
    let rows = next.permuted([0, 2, 3, 1]).reshaped([-1, next.shape[1]])
    let product = rows.matmul(unfolded).reshaped([units] + next.shape[2...] + [inputs] + shape[2...])
    let sides = [2, 3].map { Swift.max(shape[$0], next.shape[$0]) }
    return product.permuted([0, 3, 1, 4, 2, 5]).reshaped([units, inputs] + sides)
  }
}

extension [Tensor] {
  /// The weight of the one layer that does what layers with these weights do one after the other, as factors of a
  /// decomposition do.
  public var product: Tensor { dropFirst().reduce(self[0]) { $0.followed(by: $1) } }
}
