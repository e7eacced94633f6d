import Testing
@testable import Torch

@Suite struct TensorTests {
  @Test(arguments: Tensor.DType.allCases)
  func `small whole numbers survive the way through every type`(dtype: Tensor.DType) {
    let numbers: [Double] = [0, 1, 2, 127]
    let tensor = Tensor(numbers, shape: [2, 2]).to(dtype)
    #expect(tensor.dtype == dtype)
    #expect(tensor.doubles == numbers)
  }

  @Test func `elements are given back in the type that they were given in`() {
    #expect(Tensor([1.5 as Float, -2], shape: [2]).values(as: Float.self) == [1.5, -2])
    #expect(Tensor([1e300, -2], shape: [2]).values(as: Double.self) == [1e300, -2])
    #expect(Tensor([Int64.min, .max], shape: [2]).values(as: Int64.self) == [.min, .max])
    #expect(Tensor([UInt8.max, 0], shape: [2]).values(as: UInt8.self) == [255, 0])
  }

  @Test func `a conversion to bfloat16 rounds to 8 bits`() {
    #expect(Tensor([1.00390625, 3.14159], shape: [2]).to(.bfloat16).doubles == [1.0, 3.140625])
  }

  @Test func `a tensor without elements has a shape and no values`() {
    let empty = Tensor([Float](), shape: [0, 3])
    #expect(empty.shape == [0, 3])
    #expect(empty.values(as: Float.self).isEmpty)
    #expect(empty.maximumMagnitude == 0)
  }

  @Test func `a scalar has no axes`() {
    #expect(counting([2, 2]).sum.shape == [])
    #expect(counting([2, 2]).sum.item == 6)
  }

  @Test func `views are read in row-major order whatever their strides`() {
    let transposed = counting([2, 3]).transposed
    #expect(transposed.strides == [1, 3])
    #expect(transposed.doubles == [0, 3, 1, 4, 2, 5])
    #expect(counting([4]).slice(axis: 0, from: 1, to: 4, step: 2).doubles == [1, 3])
  }

  @Test func `channels last changes the strides and not the values`() {
    let plain = counting([2, 3, 4, 5])
    #expect(plain.channelsLast.strides == [60, 1, 15, 3])
    #expect(plain.channelsLast.doubles == plain.doubles)
    #expect(plain.channelsLast.contiguous.strides == plain.strides)
  }

  @Test func `a clone has memory of its own and a view has not`() {
    let original = Tensor.zeros([2, 2])
    let (clone, view) = (original.clone, original.reshaped([4]))
    original.overwrite(with: .ones([2, 2]))
    #expect(clone.doubles == [0, 0, 0, 0])
    #expect(view.doubles == [1, 1, 1, 1])
  }

  @Test func `a view of foreign memory follows its strides`() {
    let memory = UnsafeMutablePointer<Float>.allocate(capacity: 6)
    defer { memory.deallocate() }
    for index in 0..<6 { memory[index] = Float(index) }
    let view = Tensor(viewing: UnsafeMutableRawPointer(memory), dtype: .float32, shape: [2, 3], strides: [1, 2])
    #expect(view.doubles == [0, 2, 4, 1, 3, 5])
  }

  @Test func `equal seeds give equal random numbers and other seeds do not`() {
    let first = Tensor.normal([100], using: Generator(seed: 3))
    #expect(first.doubles == Tensor.normal([100], using: Generator(seed: 3)).doubles)
    #expect(first.doubles != Tensor.normal([100], using: Generator(seed: 4)).doubles)
  }

  @Test func `uniform numbers fill their range`() {
    let numbers = Tensor.uniform([1000], in: -2...5, dtype: .float64, using: Generator(seed: 0)).doubles
    #expect(numbers.allSatisfy { (-2...5).contains($0) })
    #expect((numbers.min() ?? 0) < -1.9 && (numbers.max() ?? 0) > 4.9)
  }

  @Test func `the item of more than one element is a mistake of the program`() async {
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros([2]).item }
  }

  @Test(arguments: [
    ("[enforce fail] can't allocate memory: you tried to allocate 1310720000 bytes. Error code 12", "1.22 GiB"),
    ("CUDA out of memory. Tried to allocate 20.50 GiB. GPU 0 has a total capacity of 79.1 GiB", "20.50 GiB"),
    ("std::bad_alloc", "some"), ("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)", nil),
  ])
  func `how much memory was wanted is read out of messages`(message: String, wanted: String?) {
    #expect(memoryWanted(message) == wanted)
  }

  @Test func `memory that is not to be had is told in a sentence`() async throws {
    let result = await #expect(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([1 << 46])
    }
    let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(message.contains("error: expected 262144.00 GiB more memory") && !message.contains("Fatal"))
  }

  @Test func `shapes that do not fit trap with the message of libtorch`() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 3]).matmul(.zeros([2, 3]))
    }
    let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(message.contains("cannot be multiplied"))
  }
}
