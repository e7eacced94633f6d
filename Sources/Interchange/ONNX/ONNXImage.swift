/// One size of a shape: a number, or a multiple of the batch.
enum ONNXSize: Equatable {
  case fixed(Int)
  case batches(Int)

  static let batch = batches(1)

  var isFixed: Bool { if case .fixed = self { true } else { false } }

  /// The number, or how many times the batch.
  var factor: Int {
    switch self {
    case .fixed(let number), .batches(let number): number
    }
  }
}

/// A value of the graph that depends on the images: what makes it in the network, and where the file has its batch.
///
/// The network's value for one image has the file's elements in the file's order, with the batch taken out. In the file
/// `axis` has before·batch·after elements: where the batch stands alone the image has no such axis, where it is merged
/// with heads or windows the image has before·after elements there.
struct ONNXImage {
  /// The node of the network.
  var name: String
  /// For one image.
  var shape: [Int]
  /// The axis of the file's value that has the batch.
  var axis = 0
  var before = 1
  var after = 1
  /// False for a value of the one image that a file reads, without an axis of the batch.
  var hasBatch = true

  var standsAlone: Bool { hasBatch && before == 1 && after == 1 }

  /// Whether it is laid out as images are: batch × axes of the image.
  var isPlain: Bool { axis == 0 && standsAlone }

  /// How many axes the file's value has.
  var rank: Int { standsAlone ? shape.count + 1 : shape.count }

  /// The shape in the file.
  var sizes: [ONNXSize] {
    var sizes = shape.map(ONNXSize.fixed)
    guard hasBatch else { return sizes }
    if standsAlone { sizes.insert(.batch, at: axis) } else { sizes[axis] = .batches(shape[axis]) }
    return sizes
  }

  /// How far from the end the batch lies, which is what broadcasting goes by.
  var axesFromBatch: Int { rank - axis }

  func batchLies(as other: ONNXImage) -> Bool {
    guard hasBatch, other.hasBatch else { return hasBatch == other.hasBatch }
    return (axesFromBatch, before, after) == (other.axesFromBatch, other.before, other.after)
  }

  /// An axis of the file's value, counted from its end if negative.
  func position(_ axis: Int) throws -> Int {
    let positive = axis < 0 && axis >= -rank ? axis + rank : axis
    guard (0..<rank).contains(positive) else { throw ONNXProblem("names axis \(axis) of \(rank) axes") }
    return positive
  }

  /// An axis of the file's value as one of the image; the batch's is a problem.
  func fixedAxis(_ axis: Int) throws -> Int {
    let position = try position(axis)
    guard !hasBatch || position != self.axis else { throw ONNXProblem("works along the batch") }
    return standsAlone && position > self.axis ? position - 1 : position
  }
}

// MARK: Other shapes

extension ONNXImage {
  /// The same elements in another shape of the file, nil where a size would hold parts of several images.
  ///
  /// - Parameter sizes: positive, one of them a multiple of the batch.
  func laidOut(_ sizes: [ONNXSize]) -> ONNXImage? {
    guard hasBatch else { return oneLaidOut(sizes) }
    guard let axis = sizes.firstIndex(where: { !$0.isFixed }), sizes.filter({ !$0.isFixed }).count == 1,
      sizes.allSatisfy({ $0.factor > 0 }), sizes.count <= ONNXTensors.largestRank,
      let leading = sizes[..<axis].map(\.factor).checkedProduct,
      sizes.map(\.factor).checkedProduct == shape.reduce(1, *)
    else { return nil }
    // As many elements of one image lie in front of the batch as ever.
    let inFront = shape[..<self.axis].reduce(1, *) * before
    let merged = sizes[axis].factor
    guard inFront % leading == 0, merged % (inFront / leading) == 0 else { return nil }
    var result = self
    (result.axis, result.before) = (axis, inFront / leading)
    result.after = merged / result.before
    result.shape = sizes.map(\.factor)
    if result.standsAlone { result.shape.remove(at: axis) }
    return result
  }

  /// The same of the one image without a batch; a first axis of one element behind which all others lie is the batch.
  private func oneLaidOut(_ sizes: [ONNXSize]) -> ONNXImage? {
    guard sizes.allSatisfy({ $0.isFixed && $0.factor > 0 }), sizes.count <= ONNXTensors.largestRank,
      sizes.map(\.factor).checkedProduct == shape.reduce(1, *)
    else { return nil }
    let all = sizes.map(\.factor)
    guard all.count > shape.count, all.first == 1 else {
      return ONNXImage(name: name, shape: all, hasBatch: false)
    }
    return ONNXImage(name: name, shape: Array(all.dropFirst()))
  }

  /// What an axis holds for the one image of a batch of one; nil where it is not the batch's alone.
  func ofOneImage(_ axis: Int, batch: Int?) -> ONNXImage? {
    guard batch == 1, standsAlone, axis == self.axis else { return nil }
    return ONNXImage(name: name, shape: shape, hasBatch: false)
  }

  /// The same elements in the shape that a Reshape names, where −1 stands for what is left and the batch may be hidden.
  ///
  /// - Parameter batch: that of the export, where it was fixed.
  func laidOut(naming target: [ONNXSize], batch: Int?) -> ONNXImage? {
    let count = shape.reduce(1, *)
    let open = target.indices.filter { target[$0] == .fixed(-1) }
    let rest = target.indices.filter { !open.contains($0) }
    guard open.count <= 1, rest.allSatisfy({ target[$0].factor > 0 }),
      let known = rest.map({ target[$0].factor }).checkedProduct
    else { return nil }
    func with(_ size: ONNXSize, at index: Int?) -> [ONNXSize] {
      var sizes = target
      if let index { sizes[index] = size }
      return sizes
    }
    if !hasBatch || target.contains(where: { !$0.isFixed }) {
      return laidOut(with(.fixed(count / known), at: open.first))
    }
    if let batch, let total = [count, batch].checkedProduct {
      let sizes = with(.fixed(total / known), at: open.first)
      // With a batch of one any size may hold it.
      let found = sizes.indices.filter { sizes[$0].factor % batch == 0 }.compactMap { index in
        var sizes = sizes
        sizes[index] = .batches(sizes[index].factor / batch)
        return laidOut(sizes)
      }
      if let likeliest = found.min(by: { $0.oddity < $1.oddity }) { return likeliest }
    }
    return open.first.flatMap { laidOut(with(.batches(count / known), at: $0)) }
  }

  /// How unlikely the batch is to lie so: alone is usual, then in front of heads or windows, then behind tokens; what a
  /// linear layer reads, the last axis, never holds it.
  private var oddity: Int { standsAlone ? 0 : axis == rank - 1 ? 3 : before == 1 ? 1 : 2 }

  /// The same elements without some axes of one element.
  func without(_ axes: [Int]) -> ONNXImage? {
    laidOut(sizes.indices.filter { !axes.contains($0) }.map { sizes[$0] })
  }

  /// With axes in another order; also the order of the image's axes.
  func permuted(_ order: [Int]) throws -> (image: ONNXImage, permutation: [Int]) {
    guard order.sorted() == Array(0..<rank), let axis = order.firstIndex(of: self.axis) else {
      throw ONNXProblem("orders axes as \(order) of \(rank)")
    }
    let permutation = try order.filter { !standsAlone || $0 != self.axis }.map {
      $0 == self.axis ? $0 : try fixedAxis($0)
    }
    var result = self
    result.axis = axis
    result.shape = permutation.map { shape[$0] }
    return (result, permutation)
  }
}
