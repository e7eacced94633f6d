import Foundation
import Networks
import Testing
import Torch

/// Images of another height and width.
@Suite struct ResizeTests {
  private static let modes: [Resize.Mode] =
    [.linear, .cubic(coefficient: -0.75)] + Resize.Rounding.allCases.map { .nearest($0) }

  @Test(arguments: modes, Resize.Places.allCases)
  func `what libtorch computes is what the definition says`(mode: Resize.Mode, places: Resize.Places) throws {
    let image = Tensor.normal([2, 3, 4, 6], dtype: .float64, using: Generator(seed: 1))
    for target in [Resize.Target.size([8, 18]), .scales([2, 1.5]), .size([3, 5]), .size([1, 6])] {
      let resize = Resize(mode, places, to: target)
      let shape = try resize.shape(of: [[3, 4, 6]], parameters: [:])
      let wanted = (0..<2).reduce(image) { x, axis in
        let taps = resize.taps(along: axis, from: x.shape[axis + 2], to: shape[axis + 1])
        // A row for each new pixel.
        var rows = [Double](repeating: 0, count: shape[axis + 1] * x.shape[axis + 2])
        for tap in taps {
          for (place, (index, weight)) in zip(tap.indices, tap.weights).enumerated() {
            rows[place * x.shape[axis + 2] + index] += weight
          }
        }
        let matrix = Tensor(rows, shape: [shape[axis + 1], x.shape[axis + 2]])
        return axis == 0 ? matrix.matmul(x) : x.matmul(matrix.transposed)
      }
      let found = try single(resize, input: [3, 4, 6])(image)
      expectClose(found, wanted, within: 1e-6)
    }
  }

  @Test func `the shares of neighbours add up to one`() {
    for mode in Self.modes {
      for places in Resize.Places.allCases {
        let taps = Resize(mode, places, to: .scales([1.7, 1.7])).taps(along: 0, from: 5, to: 8)
        for index in 0..<8 { #expect(abs(taps.map { $0.weights[index] }.reduce(0, +) - 1) < 1e-6) }
      }
    }
  }

  /// Down by a pooling, up by `target`, beside the image.
  private func network(_ target: Resize.Target) throws -> Network {
    var net = NetworkBuilder(input: [3, 8, 8], seed: 0)
    let x = try net.convolution(net.input, "a", units: 4, kernel: [1, 1])
    let small = try net.append(Pooling.max(PoolingGeometry(kernel: [2, 2])), reading: [x])
    let resize = Resize(.linear, .halfPixel, to: target)
    let up = try net.append(resize, "up", reading: target == .likeSecond ? [small, net.input] : [small])
    let both = try net.concatenate([up, net.input])
    return try net.finish(
      net.append(Pooling.globalAverage, reading: [net.convolution(both, "b", units: 2, kernel: [1, 1])]))
  }

  @Test func `by scales, and like another value, it follows the size of the image; by sizes it cannot`() throws {
    for target in [Resize.Target.scales([2, 2]), .likeSecond] {
      let larger = try network(target).resized(height: 12, width: 16)
      #expect(try larger.validate()["up"] == [4, 12, 16])
    }
    let fixed = try network(.size([8, 8]))
    let sentence = message { _ = try fixed.resized(height: 12, width: 16) }
    #expect(sentence.contains("differ in more than axis"), "\(sentence)")
  }

  @Test func `channels pass through, and a value that only tells the size is coupled with nothing`() throws {
    let coupling = try network(.likeSecond).channelCoupling()
    let units = try #require(coupling.channels["a"]).map(coupling.representative)
    #expect(coupling.channels["up"]?.map(coupling.representative) == units)
    #expect(Set(units).isDisjoint(with: coupling.frozen) && Set(units).count == 4)
  }

  @Test(arguments: [
    (Resize.Target.scales([0, 2]), "scales"), (.scales([2]), "scales"), (.size([0, 3]), "size"),
    (.scales([0.1, 1]), "makes [0, 6] pixels"), (.scales([.nan, 1]), "scales"), (.likeSecond, "reads 1 values"),
    (.scales([60000, 1]), "1 to 65536"),
  ])
  func `sizes that cannot be are refused`(target: Resize.Target, words: String) {
    let resize = Resize(.linear, .halfPixel, to: target)
    let sentence = message { _ = try resize.shape(of: [[3, 4, 6]], parameters: [:]) }
    #expect(sentence.contains(words), "\(sentence)")
  }
}
