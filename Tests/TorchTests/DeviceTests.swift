import Testing
import Torch

struct DeviceTests {
  @Test(arguments: [("cpu", Device.cpu), ("cuda", .cuda(0)), ("cuda:3", .cuda(3))])
  func `a device is read from its name`(name: String, device: Device) {
    #expect(Device(name) == device)
    #expect(Device(device.description) == device)
  }

  @Test(arguments: ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "cpu:0", "cuda:1:2"])
  func `other words are no device`(name: String) {
    #expect(Device(name) == nil)
  }

  @Test func `the processor is always there`() { #expect(Device.available.first == .cpu) }

  @Test func `a tensor knows its device, and moving it there gives the tensor itself`() {
    let tensor = Tensor([1, 2, 3] as [Float], shape: [3])
    #expect(tensor.device == .cpu)
    #expect(tensor.to(.cpu).doubles == [1, 2, 3])
  }

  /// Runs where a CUDA device is: everything that training does must give there what it gives on the processor.
  @Test(.enabled(if: Device.available.count > 1, "no CUDA device"))
  func `a convolution on CUDA is the processor's`() {
    let generator = Generator(seed: 0)
    let images = Tensor.normal([2, 3, 8, 8], using: generator)
    let weight = Tensor.normal([4, 3, 3, 3], using: generator)
    let how = ConvolutionGeometry(padding: [1, 1])
    let here = images.convolved(with: weight, bias: nil, how)
    let there = images.to(.cuda(0)).convolved(with: weight.to(.cuda(0)), bias: nil, how)
    #expect(there.device == .cuda(0))
    #expect((there.to(.cpu) - here).maximumMagnitude < 1e-2)
  }
}
