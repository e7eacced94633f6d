import Torch

/// The axes of each image in another order; `permutation[i]` is where axis i comes from.
public struct Transpose: Operation, Hashable {
  public static let kind = "transpose"
  public var permutation: [Int]

  public init(_ permutation: [Int]) { self.permutation = permutation }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 1)
    guard permutation.sorted() == Array(inputs[0].indices) else {
      throw NetworkError("orders axes as \(permutation) of shape \(inputs[0])")
    }
    return permutation.map { inputs[0][$0] }
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    inputs[0].permuted([0] + permutation.map { $0 + 1 })
  }

  public var quantizationRule: QuantizationRule { .moves }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  /// The channels go where their axes go.
  public func channelAxes(of inputs: [[Int]], shapes: [[Int]], result: [Int]) -> ChannelAxes {
    ChannelAxes(inputs: inputs, output: permutation.indices.filter { inputs[0].contains(permutation[$0]) })
  }

  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    moved(site.inputs[0], site.inputShapes[0], site.axes)
  }

  public func values(
    of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters
  ) -> [ChannelValue] { moved(inputs[0], shapes[0], axes) }

  private func moved<Element>(_ list: [Element], _ shape: [Int], _ axes: ChannelAxes) -> [Element] {
    let order = axes.output.compactMap { axes.inputs[0].firstIndex(of: permutation[$0]) }
    return list.permuted(axes.inputs[0].map { shape[$0] }, order)
  }
}

/// The matrix product of two values over their last two axes; axes before are batches, of one element or of equal many.
public struct MatrixProduct: Operation, Hashable {
  public static let kind = "matrixProduct"
  public init() {}

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    try Expect.inputs(inputs, 2)
    let (a, b) = (inputs[0], inputs[1])
    guard a.count == b.count, a.count >= 2, a[a.count - 1] == b[b.count - 2] else {
      throw NetworkError("multiplies shapes \(a) and \(b) that do not match")
    }
    let batch = try zip(a.dropLast(2), b.dropLast(2)).map { x, y in
      guard x == y || x == 1 || y == 1 else { throw NetworkError("multiplies shapes \(a) and \(b) that do not match") }
      return max(x, y)
    }
    return batch + [a[a.count - 2], b[b.count - 1]]
  }

  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    inputs[0].matmul(inputs[1])
  }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int {
    output.reduce(1, *) * (inputs[0].last ?? 1)
  }

  /// The axes of heads, along which both values have channels and which are no axes of the matrices; nil where channels
  /// cannot be followed.
  private static func heads(_ inputs: [[Int]], _ shapes: [[Int]]) -> [Int]? {
    let last = shapes[0].count - 1
    let (a, b) = (inputs[0].filter { $0 < last - 1 }, inputs[1].filter { $0 < last - 1 })
    guard a == b, !a.isEmpty, a.allSatisfy({ shapes[0][$0] == shapes[1][$0] }),
      inputs[0].contains(last) == inputs[1].contains(last - 1)
    else { return nil }
    return a
  }

  /// Where both values have channels along an axis of heads, so has the result, and along the matrices' axes that have
  /// some.
  public func channelAxes(of inputs: [[Int]], shapes: [[Int]], result: [Int]) -> ChannelAxes {
    guard let heads = Self.heads(inputs, shapes) else { return ChannelAxes(inputs: [[0], [0]], output: [0]) }
    let last = shapes[0].count - 1
    let rows = inputs[0].contains(last - 1) ? [last - 1] : []
    return ChannelAxes(inputs: inputs, output: heads + rows + (inputs[1].contains(last) ? [last] : []))
  }

  /// A head lives or dies whole.
  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    guard let heads = Self.heads(site.axes.inputs, site.inputShapes) else {
      for input in site.inputs { coupling.freeze(input) }
      return coupling.makeFrozenChannels(site.count)
    }
    let count = heads.map { site.outputShape[$0] }.reduce(1, *)
    func part(_ list: [Channel], _ head: Int) -> [Channel] {
      let size = list.count / count
      return Array(list[head * size..<(head + 1) * size])
    }
    return (0..<count).flatMap { head in
      let whole = site.inputs.flatMap { part($0, head) }
      coupling.couple(whole)
      return Array(repeating: whole[0], count: site.count / count)
    }
  }

  /// Zero where a row of the first matrix or a column of the second is known to be.
  public func values(
    of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters
  ) -> [ChannelValue] {
    let last = shapes[0].count - 1
    guard let heads = Self.heads(axes.inputs, shapes) else {
      let sizes = axes.output.map { axis in
        axis == last - 1 ? shapes[0][axis] : axis == last ? shapes[1][axis] : max(shapes[0][axis], shapes[1][axis])
      }
      return Array(repeating: .varying, count: sizes.reduce(1, *))
    }
    func size(_ input: Int, _ axis: Int) -> Int { axes.inputs[input].contains(axis) ? shapes[input][axis] : 1 }
    let (rows, inner, columns) = (size(0, last - 1), size(0, last), size(1, last))
    return (0..<heads.map { shapes[0][$0] }.reduce(1, *)).flatMap { head in
      (0..<rows).flatMap { row in
        (0..<columns).map { column in
          let first = (0..<inner).allSatisfy { inputs[0][(head * rows + row) * inner + $0] == .constant(0) }
          let second = (0..<inner).allSatisfy { inputs[1][(head * inner + $0) * columns + column] == .constant(0) }
          return first || second ? .constant(0) : .varying
        }
      }
    }
  }
}
