import Testing
import Torch

@Suite struct GradientTests {
  private struct Interrupted: Error {}

  @Test func `the gradient of a sum of squares is twice the point`() {
    let x = counting([2, 2], dtype: .float64).leaf
    #expect((x * x).sum.gradients(of: [x])[0].doubles == [0, 2, 4, 6])
  }

  @Test func `a parameter that the loss does not use has gradient zero`() {
    let (x, y) = (Tensor.ones([2]).leaf, Tensor.ones([3]).leaf)
    #expect(x.sum.gradients(of: [x, y])[1].doubles == [0, 0, 0])
  }

  @Test func `a gradient is laid out in memory as its parameter`() {
    let weight = Tensor.normal([4, 3, 3, 3], using: Generator(seed: 0)).channelsLast.leaf
    let images = Tensor.normal([2, 3, 8, 8], using: Generator(seed: 1))
    let loss = images.convolved(with: weight, bias: nil, ConvolutionGeometry()).sum
    let gradient = loss.gradients(of: [weight])[0]
    #expect(weight.strides == [27, 1, 9, 3])
    #expect(gradient.strides == weight.strides)
  }

  @Test func `parameters that are added have gradients in memory of their own`() {
    let (a, b) = (Tensor.ones([3]).leaf, Tensor.ones([3]).leaf)
    let gradients = ((a + b) * counting([3])).sum.gradients(of: [a, b])
    gradients[0].overwrite(with: Tensor.zeros([3]))
    #expect(gradients[1].doubles == [0, 1, 2])
  }

  @Test func `tensors move by a share of the way to others`() {
    let (x, y) = (counting([2, 2]), Tensor.ones([2, 2]))
    Tensor.move([x], toward: [y], by: 0.25)
    #expect(x.doubles == [0.25, 1, 1.75, 2.5])
    #expect(y.doubles == [1, 1, 1, 1])
  }

  @Test(arguments: [false, true])
  func `a slice hands its gradient to what it took, and zeros to the rest`(isChannelsLast: Bool) {
    let x = isChannelsLast ? counting([2, 3, 4, 5]).channelsLast : counting([2, 3, 4, 5])
    let leaf = x.leaf
    let slice = leaf.slice(axis: 2, from: 1, to: 4, step: 2)
    #expect(slice.doubles == counting([2, 3, 4, 5]).slice(axis: 2, from: 1, to: 4, step: 2).doubles)
    let gradient = (slice * slice * 0.5).sum.gradients(of: [leaf])[0]
    let expected = (0..<120).map { index in [1, 3].contains(index / 5 % 4) ? Double(index) : 0 }
    #expect(gradient.doubles == expected)
  }

  @Test func `a layout changes the strides of a copy and not its values`() {
    let model = Tensor.zeros([2, 3, 2, 2]).channelsLast
    let copy = counting([2, 3, 2, 2]).laidOut(like: model)
    #expect(copy.strides == model.strides)
    #expect(copy.doubles == counting([2, 3, 2, 2]).doubles)
  }

  @Test func `a leaf shares the memory of its buffer`() {
    let buffer = Tensor.zeros([2])
    let leaf = buffer.leaf
    leaf.detached.overwrite(with: .ones([2]))
    #expect(buffer.doubles == [1, 1])
  }

  @Test func `nothing is recorded without gradients`() async {
    let x = Tensor.ones([2]).leaf
    let inside = withoutGradients { (x * x).sum }
    #expect((x * x).sum.gradients(of: [x])[0].doubles == [2, 2])
    #expect(inside.item == 2)
    await #expect(processExitsWith: .failure) {
      let x = Tensor.ones([2]).leaf
      _ = withoutGradients { (x * x).sum }.gradients(of: [x])
    }
  }

  @Test func `autocast multiplies matrices in bfloat16 inside its scope alone`() {
    let a = Tensor.ones([2, 2])
    #expect(withBFloat16Autocast { a.matmul(a).dtype } == .bfloat16)
    #expect(a.matmul(a).dtype == .float32)
  }

  @Test func `autocast ends when its body throws`() {
    let a = Tensor.ones([2, 2])
    #expect(throws: Interrupted.self) { try withBFloat16Autocast { () throws(Interrupted) in throw Interrupted() } }
    #expect(a.matmul(a).dtype == .float32)
  }

  @Test func `an inner autocast leaves the outer one as it was`() {
    let a = Tensor.ones([2, 2])
    let dtype = withBFloat16Autocast {
      _ = withBFloat16Autocast { a.matmul(a) }
      return a.matmul(a).dtype
    }
    #expect(dtype == .bfloat16)
  }

  @Test func `autocast sees weights that were changed since the last scope`() {
    let weight = Tensor.ones([2, 2]).leaf
    let x = Tensor.ones([1, 2])
    _ = withBFloat16Autocast { x.linear(weight, bias: nil) }
    weight.detached.overwrite(with: Tensor(repeating: 3, shape: [2, 2]))
    #expect(withBFloat16Autocast { x.linear(weight, bias: nil) }.doubles == [6, 6])
  }

  @Test func `batch norm in training leaves the given statistics alone`() {
    let (mean, variance) = (Tensor.zeros([2]), Tensor.ones([2]))
    let x = counting([2, 2, 1, 2])
    let new = x.batchNormalizedInTraining(
      scale: nil, shift: nil, mean: mean, variance: variance, momentum: 0.5, epsilon: 1e-5)
    #expect(mean.doubles == [0, 0] && variance.doubles == [1, 1])
    #expect(new.mean.doubles == [1.25, 2.25])
  }
}
