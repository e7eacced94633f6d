import Architectures
import Compaction
import Foundation
import Interchange
import Networks
import ONNXSchema
import Testing
import Torch

@testable import Clocks

/// onnxruntime as a clock, in the environment that `make test` sets up.
struct RuntimeClockTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let environment = ["THRESH_PYTHON": root.appending(path: ".venv/bin/python").path]
  private let conditions = TimingConditions(batchSize: 2, threads: 1)

  private func clock() throws -> RuntimeClock {
    try RuntimeClock(
      .runtime(.onnxruntime), cache: FileManager.default.temporaryDirectory, environment: Self.environment)
  }

  @Test(arguments: [TimingConditions.Precision.float32, .int8])
  func `every instruction of every architecture has a time in onnxruntime`(precision: TimingConditions.Precision) throws
  {
    let clock = try clock()
    let conditions = TimingConditions(batchSize: 2, threads: 1, precision: precision)
    #expect(clock.name.hasPrefix("onnxruntime 1."))
    // Of those that are not too large to be timed by the way.
    for architecture in [Catalogue.lenet5, .dec3, .resnet20] {
      let instructions = Array(
        try architecture.network(input: [3, 32, 32], classes: 10, seed: 0).shapedInstructions().values)
      var done = 0
      let times = try clock.measure(instructions, conditions) { done += $0 }
      let kinds = LayerTimes(conditions).missing(instructions)
      #expect(times.missing(instructions).isEmpty && times.milliseconds.values.allSatisfy { $0 >= 0 })
      #expect(times.total(kinds).map { $0 > 0 } == true && done >= kinds.count)
    }
  }

  @Test func `in 8 bits layers read and give such numbers, and what only moves them stays in float32`() throws {
    let convolution = ShapedInstruction(
      .convolution(Convolution(ConvolutionGeometry(padding: [1, 1])), relu: true), inputs: [[8, 6, 6], [16, 6, 6]],
      parameters: [[.weight: [16, 8, 3, 3], .bias: [16]]])
    let pooling = ShapedInstruction(
      Pooling.max(PoolingGeometry(kernel: [2, 2], stride: [2, 2])), inputs: [[8, 6, 6]], parameters: [:])
    #expect(try ONNXFragment(pooling, .int8).data == ONNXFragment(pooling).data)
    let rounded = try ONNXModelProto(serializedBytes: ONNXFragment(convolution, .int8).data).graph
    let types = (rounded.input + rounded.output).map(\.type.tensorType.elemType)
    #expect(types == [2, 2, 2])  // uint8 of ONNX
    // Of the input, what is added, the weight and the bias, and between the convolution and the addition.
    let kinds = rounded.node.map(\.opType)
    #expect(kinds.filter { $0 == "DequantizeLinear" }.count == 5)
    #expect(kinds.filter { $0 == "QuantizeLinear" }.count == 2 && kinds.last == "QuantizeLinear")
  }

  @Test func `a clock ends with who asks it, and leaves no file behind`() throws {
    let place = FileManager.default.temporaryDirectory.appending(path: "thresh-clock-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: place) }
    let ended = place.appending(path: "ended").path
    // It writes its file once its input ends.
    let script = "while read line; do echo '{\"runtime\": \"fake 1\", \"times\": []}'; done; echo > \(ended)"
    var clock: RuntimeClock? = try RuntimeClock(.command(script), cache: place, environment: [:])
    #expect(clock?.name == "fake 1" && !FileManager.default.fileExists(atPath: ended))
    clock = nil
    for _ in 0..<100 where !FileManager.default.fileExists(atPath: ended) { Thread.sleep(forTimeInterval: 0.1) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: place.path) == ["ended"])
  }

  @Test(arguments: [TimingConditions.Precision.float32, .int8])
  func `whole networks take turns, and the larger takes longer`(precision: TimingConditions.Precision) throws {
    let small = try Catalogue.resnet20.network(input: [3, 32, 32], classes: 10, seed: 0)
    let large = try Catalogue.resnet56.network(input: [3, 32, 32], classes: 10, seed: 0)
    let conditions = TimingConditions(batchSize: 2, threads: 1, precision: precision)
    let times = try clock().measure([small, large], conditions)
    #expect(times.count == 2 && 0 < times[0] && times[0] < times[1])
  }

  @Test func `a Python without the runtime is a sentence`() throws {
    let text = try #require(throws: ClockError.self) {
      try RuntimeClock(
        .runtime(.onnxruntime), cache: FileManager.default.temporaryDirectory,
        environment: ["THRESH_PYTHON": "/nowhere/python"])
    }.description
    #expect(text.contains("THRESH_PYTHON is /nowhere/python, which cannot import onnxruntime"))
  }

  @Test(arguments: ["soon", "0", "-1", "inf", "nan"])
  func `a patience without sense is a sentence`(seconds: String) throws {
    let error = try #require(throws: ClockError.self) {
      try RuntimeClock(
        .command("true"), cache: FileManager.default.temporaryDirectory, environment: ["THRESH_CLOCK_SECONDS": seconds])
    }
    #expect(error.description == "THRESH_CLOCK_SECONDS is \(seconds), expected a number of seconds above 0")
  }

  @Test func `a precision that a clock has no times of is a sentence`() throws {
    let clock = try clock()
    let network = try Catalogue.lenet5.network(input: [3, 32, 32], classes: 10, seed: 0)
    let bfloat16 = TimingConditions(batchSize: 1, threads: 1, precision: .bfloat16)
    let error = try #require(throws: ClockError.self) { try clock.measure([network], bfloat16) }
    #expect(error.description.contains("times are of float32 or int8 here, not of bfloat16"))
  }

  @Test(arguments: [
    (4, [1.0, 2, 3, 4, 5, 6, 7, 8, 9]), (8, [1, 5, 2, 6, 3, 7, 4, 8, 5]), (16, [2, 5, 4, 6, 4, 7, 6, 8, 6]),
  ])
  func `the step of units is the smallest at whose multiples fewer are faster`(step: Int, times: [Double]) {
    let widths = stride(from: 32, through: 64, by: 4)
    #expect(LayerClock.smallestStep(zip(widths, times).map { (width: $0, milliseconds: $1) }) == step)
  }
}
