import Networks
import ONNXSchema

/// Sums of products as Einsum names them, where they are products of matrices.
extension ONNXGraphReader {
  /// Reads "…ik,…kj->…ij", the axes of either operand's matrices in any order.
  mutating func readEinsum(_ node: ONNXNodeProto) throws {
    let equation = (node.word("equation") ?? "").filter { $0 != " " }
    let sides = equation.split(separator: "-", maxSplits: 1).map { $0.drop { $0 == ">" } }
    let terms = sides.first?.split(separator: ",").map(Array.init) ?? []
    guard node.input.count == 2, sides.count == 2, terms.count == 2, case let result = Array(sides[1]),
      let (first, second) = Self.matrices(terms[0], terms[1], result)
    else { throw ONNXProblem("computes \(equation), which is no product of matrices") }
    let images = try [image(node, 0), image(node, 1)]
    guard images.allSatisfy({ $0.rank == result.count && $0.axesFromBatch > 2 }) else {
      throw ONNXProblem("multiplies matrices that hold several images")
    }
    let turned = try zip(images, [first, second]).enumerated().map { index, pair in
      let (image, isTurned) = pair
      guard isTurned else { return image }
      let rank = image.rank
      var (other, permutation) = try image.permuted(Array(0..<rank - 2) + [rank - 1, rank - 2])
      other.name = try append(Transpose(permutation), node, suffix: ".turned\(index)", reading: [image.name])
      return other
    }
    let (names, like) = try met(turned, node)
    try finish(MatrixProduct(), node, reading: names, like: like)
  }

  /// Whether the last two axes of either operand have to change places; nil where they are no matrices.
  private static func matrices(
    _ a: [Character], _ b: [Character], _ result: [Character]
  ) -> (first: Bool, second: Bool)? {
    let rank = result.count
    guard rank >= 2, a.count == rank, b.count == rank, [a, b, result].allSatisfy({ Set($0).count == rank }),
      Array(a.dropLast(2)) == Array(result.dropLast(2)), Array(b.dropLast(2)) == Array(result.dropLast(2))
    else { return nil }
    let (row, column) = (result[rank - 2], result[rank - 1])
    guard let summed = a.suffix(2).first(where: { $0 != row }), summed != column else { return nil }
    guard Set(a.suffix(2)) == [row, summed], Set(b.suffix(2)) == [summed, column] else { return nil }
    return (a[rank - 1] == row, b[rank - 1] == summed)
  }
}
