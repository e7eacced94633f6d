import Testing

@testable import Interchange

/// Where the batch lies in a value of an ONNX graph, against indices that are counted out.
@Suite struct ONNXImageTests {
  /// Every element's image and place in it, in the file's order, for a batch of `batch`.
  private func elements(_ image: ONNXImage, batch: Int) -> [[Int]] {
    let behind = image.shape.dropFirst(image.axis + (image.standsAlone ? 0 : 1)).reduce(image.after, *)
    let inFront = image.shape.reduce(1, *) / behind
    return (0..<inFront).flatMap { a in
      (0..<batch).flatMap { b in (0..<behind).map { [b, a * behind + $0] } }
    }
  }

  @Test func `another shape has the same elements in the same order`() throws {
    let tokens = ONNXImage(name: "x", shape: [17, 64], axis: 1)
    let shapes: [[ONNXSize]] = [
      [.fixed(17), .batches(4), .fixed(16)], [.batches(17), .fixed(64)], [.fixed(17), .batch, .fixed(4), .fixed(16)],
      [.fixed(1), .batches(17 * 64)], [.fixed(17), .batches(64)],
    ]
    for sizes in shapes {
      let laid = try #require(tokens.laidOut(sizes), "\(sizes)")
      #expect(laid.sizes == sizes)
      #expect(elements(laid, batch: 3) == elements(tokens, batch: 3))
      #expect(laid.laidOut(tokens.sizes)?.sizes == tokens.sizes)
    }
  }

  @Test func `a shape that mixes images is none`() {
    let tokens = ONNXImage(name: "x", shape: [17, 64], axis: 1)
    for sizes: [ONNXSize] in [
      [.batch, .fixed(17), .fixed(64)], [.fixed(17), .fixed(64), .batch], [.fixed(4), .batches(17 * 16)],
      [.fixed(17), .fixed(64)], [.batch, .batches(17 * 64)], [.fixed(0), .batch], [.fixed(.max), .batches(.max)],
    ] {
      #expect(tokens.laidOut(sizes) == nil, "\(sizes)")
    }
  }

  @Test func `what a Reshape leaves open is found, with a free batch and with a fixed one`() {
    let tokens = ONNXImage(name: "x", shape: [17, 64], axis: 1)
    let open: [ONNXSize] = [.fixed(17), .fixed(-1), .fixed(16)]
    #expect(tokens.laidOut(naming: open, batch: nil)?.sizes == [.fixed(17), .batches(4), .fixed(16)])
    #expect(tokens.laidOut(naming: open, batch: 2)?.sizes == [.fixed(17), .batches(4), .fixed(16)])
    #expect(
      tokens.laidOut(naming: [.fixed(17), .fixed(2), .fixed(-1), .fixed(16)], batch: 2)?.sizes
        == [.fixed(17), .batch, .fixed(4), .fixed(16)])
    let headsOfOne = tokens.laidOut(naming: [.fixed(17), .fixed(4), .fixed(16)], batch: 1)
    #expect(headsOfOne?.sizes == [.fixed(17), .batches(4), .fixed(16)])
    let tokensOfOne = tokens.laidOut(naming: [.fixed(17), .fixed(64)], batch: 1)
    #expect(tokensOfOne?.sizes == [.batches(17), .fixed(64)])
    #expect(tokens.laidOut(naming: [.fixed(17), .batch, .fixed(-1)], batch: nil)?.sizes == tokens.sizes)
    #expect(tokens.laidOut(naming: [.fixed(-1), .fixed(-1)], batch: 1) == nil)
    #expect(tokens.laidOut(naming: [.fixed(.min), .fixed(-1)], batch: 1) == nil)
  }

  @Test func `the batch moves with its axis`() throws {
    let merged = ONNXImage(name: "x", shape: [17, 4, 16], axis: 1, after: 4)
    let (turned, permutation) = try merged.permuted([1, 0, 2])
    #expect(turned.sizes == [.batches(4), .fixed(17), .fixed(16)] && permutation == [1, 0, 2])
    let alone = ONNXImage(name: "x", shape: [17, 64])
    let (moved, order) = try alone.permuted([1, 0, 2])
    #expect(moved.sizes == [.fixed(17), .batch, .fixed(64)] && order == [0, 1])
    #expect(throws: ONNXProblem.self) { try alone.permuted([0, 1]) }
    #expect(throws: ONNXProblem.self) { try alone.fixedAxis(0) }
    #expect(throws: ONNXProblem.self) { try merged.fixedAxis(-2) }
    #expect(throws: ONNXProblem.self) { try merged.position(.min) }
  }
}
