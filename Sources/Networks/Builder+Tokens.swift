import Torch

/// What transformers need beside the layers of convolutional networks. All throw `NetworkError` when the operation
/// cannot read a value of that shape.
extension NetworkBuilder {
  /// Layer normalisation of the last axis, with γ = 1 and β = 0.
  public mutating func layerNorm(_ x: String, _ name: String, epsilon: Double = 1e-5) throws -> String {
    let width = [shape(of: x).last ?? 0]
    return try append(
      LayerNorm(axes: 1, epsilon: epsilon), name, reading: [x],
      parameters: [.weight: .ones(width), .bias: .zeros(width)])
  }

  /// A trained tensor that is read like a value; normal with that deviation around a mean.
  ///
  /// - Parameter name: of the parameter itself, to which nothing is added.
  public mutating func trained(_ name: String, shape: [Int], mean: Double = 0, deviation: Double = 0.02) throws
    -> String
  {
    let tensor = drawn(shape) { Tensor.normal(shape, using: $0) * deviation + mean }
    return try append(Stored(), reading: [], parameters: [.weight: tensor], called: [.weight: name])
  }

  /// The product of two values of one shape; axes of one element are spread over the other's.
  public mutating func multiply(_ a: String, _ b: String) throws -> String {
    try append(Elementwise.multiply, reading: [a, b])
  }

  /// The same elements in another shape.
  public mutating func reshape(_ x: String, _ shape: [Int]) throws -> String {
    self.shape(of: x) == shape ? x : try append(Reshape(shape), reading: [x])
  }

  /// The axes in another order; `permutation[i]` is where axis i comes from.
  public mutating func transpose(_ x: String, _ permutation: [Int]) throws -> String {
    try append(Transpose(permutation), reading: [x])
  }

  /// Some of the elements along an axis.
  public mutating func slice(_ x: String, axis: Int, _ range: Range<Int>, step: Int = 1) throws -> String {
    try append(Slice(axis: axis, start: range.lowerBound, end: range.upperBound, step: step), reading: [x])
  }

  /// Multi-head self-attention (Vaswani et al. 2017, section 3.2) among the tokens of each group, from queries, keys
  /// and values that one linear layer made.
  ///
  /// - Parameters:
  ///   - qkv: groups × tokens × 3·width.
  ///   - bias: added to the scores, of a shape that spreads over groups × heads × tokens × tokens.
  /// - Returns: groups × tokens × width, before the projection.
  public mutating func attention(_ qkv: String, heads: Int, adding bias: [String] = []) throws -> String {
    let (groups, tokens, width) = (shape(of: qkv)[0], shape(of: qkv)[1], shape(of: qkv)[2] / 3)
    let split = try reshape(qkv, [groups, tokens, 3, heads, width / heads])
    let parts = try transpose(split, [2, 0, 3, 1, 4])
    let (q, k, v) = (
      try part(parts, 0), try transpose(part(parts, 1), [0, 1, 3, 2]), try part(parts, 2)
    )
    let scale = 1 / Double(width / heads).squareRoot()
    var scores = try append(MatrixProduct(), reading: [append(Affine(scale: scale), reading: [q]), k])
    for bias in bias { scores = try add(scores, bias) }
    let mixed = try append(MatrixProduct(), reading: [append(Softmax(axis: 3), reading: [scores]), v])
    return try reshape(transpose(mixed, [0, 2, 1, 3]), [groups, tokens, width])
  }

  /// The slice at `index` of the first axis, without that axis.
  private mutating func part(_ x: String, _ index: Int) throws -> String {
    try reshape(slice(x, axis: 0, index..<index + 1), Array(shape(of: x).dropFirst()))
  }
}
