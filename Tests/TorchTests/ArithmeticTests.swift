import Testing
import Torch

@Suite struct ArithmeticTests {
  private let a = Tensor([1.0, -2, 3, 4], shape: [2, 2])
  private let b = Tensor([2.0, 4, -1, 8], shape: [2, 2])

  @Test func `operators act element by element`() {
    #expect((a + b).doubles == [3, 2, 2, 12])
    #expect((a - b).doubles == [-1, -6, 4, -4])
    #expect((a * b).doubles == [2, -8, -3, 32])
    #expect((a / b).doubles == [0.5, -0.5, -3, 0.5])
  }

  @Test func `a number acts on every element`() {
    #expect((a + 1).doubles == [2, -1, 4, 5])
    #expect((a - 1).doubles == [0, -3, 2, 3])
    #expect((a * 2).doubles == [2, -4, 6, 8])
    #expect((a / 2).doubles == [0.5, -1, 1.5, 2])
    #expect((-a).doubles == [-1, 2, -3, -4])
  }

  @Test func `a row is spread over a matrix`() {
    #expect((a * Tensor([10.0, 100], shape: [1, 2])).doubles == [10, -200, 30, 400])
  }

  @Test func `the positive part is zero where the number is negative`() {
    #expect(a.positivePart.doubles == [1, 0, 3, 4])
  }

  @Test func `sums and maxima run along the named axes`() {
    let x = counting([2, 3, 4])
    #expect(x.sum(axes: [0, 2]).doubles == [60, 92, 124])
    #expect(x.sum(axes: [0, 2], keepingAxes: true).shape == [1, 3, 1])
    #expect(x.max(axes: [1]).doubles == [8, 9, 10, 11, 20, 21, 22, 23])
    #expect(x.argmax(axis: 2).doubles == [3, 3, 3, 3, 3, 3])
  }

  @Test func `the maximum magnitude is NaN when an element is`() {
    #expect(a.maximumMagnitude == 4)
    #expect((a * Tensor([1.0, .nan, 1, 1], shape: [2, 2])).maximumMagnitude.isNaN)
  }

  @Test func `selected slices come in the order asked for`() {
    let x = counting([3, 2])
    #expect(x.selecting([2, 0, 2], axis: 0).doubles == [4, 5, 0, 1, 4, 5])
    #expect(x.selecting([1], axis: 1).shape == [3, 1])
    #expect(x.selecting([], axis: 0).shape == [0, 2])
  }

  @Test func `pads are counted from the last axis`() {
    #expect(Tensor.ones([1, 2]).padded([1, 0, 0, 1]).doubles == [0, 1, 1, 0, 0, 0])
  }

  @Test func `parts are laid one behind the other`() {
    #expect(Tensor.concatenated([a, b], axis: 1).doubles == [1, -2, 2, 4, 3, 4, -1, 8])
  }

  @Test func `flattening from an axis keeps those before it`() {
    #expect(counting([2, 3, 4, 5]).flattened(from: 1).shape == [2, 60])
    #expect(counting([2, 3]).flattened(from: 2).shape == [2, 3, 1])
  }

  @Test func `softmax sums to one`() {
    #expect(abs(a.softmax(axis: 1).sum.item - 2) < 1e-12)
  }

  @Test func `cross-entropy is that of the formula, smoothed towards the uniform distribution`() {
    let logits = Tensor([0.0, 1, 2, 3, 1, -1], shape: [2, 3])
    let labels = Tensor([Int64(2), 0], shape: [2])
    // −log softmax by hand: rows have log-sum-exp 2.407606 and 3.142932.
    let plain = (0.40760596 + 0.14293163) / 2
    #expect(abs(logits.crossEntropy(labels: labels).item - plain) < 1e-7)
    #expect(abs(logits.crossEntropy(labels: labels, reduction: .sum).item - 2 * plain) < 1e-7)
    let uniform = ((2.40760596 - 1) + (3.14293163 - 1)) / 2
    let smooth = logits.crossEntropy(labels: labels, smoothing: 0.1).item
    #expect(abs(smooth - (0.9 * plain + 0.1 * uniform)) < 1e-7)
  }

  @Test func `dropout zeroes about its share and keeps the mean`() {
    let dropped = Tensor.ones([10_000]).dropout(0.25, using: Generator(seed: 1))
    let zeros = dropped.doubles.filter { $0 == 0 }.count
    #expect(abs(zeros - 2500) < 200)
    #expect(abs((dropped.doubles.max() ?? 0) - 4 / 3) < 1e-6)
  }

  @Test func `a bound beyond float32 is none`() {
    let x = Tensor([-2.0, 0.5, 3], shape: [3]).to(.float32)
    #expect(x.clamped(to: 0...Double.greatestFiniteMagnitude).doubles == [0, 0.5, 3])
    #expect(x.clamped(to: -1e300...1).doubles == [-2, 0.5, 1])
  }
}
