import Architectures
@testable import Compaction
import Foundation
import Networks
import Testing
import Torch

/// Plans by time, with clocks written by hand.
@Suite struct TimePlanTests {
  /// So many milliseconds a million multiply-accumulates, and so many for each operation whatever it does.
  private func clock(perMillion: Double = 1, perOperation: Double) -> LayerClock {
    let conditions = TimingConditions(batchSize: 8, threads: 1)
    return LayerClock(conditions) { _, instructions in
      var times = LayerTimes(conditions)
      for instruction in instructions {
        // Factors in one instruction are several operations.
        let operations = Double(instruction.operation.operations.count)
        times[instruction] = perOperation * operations + perMillion * Double(instruction.macs) / 1e6
      }
      return times
    }
  }

  private func network() throws -> Network {
    try Network.cifarResNet(blocks: 3, input: [3, 16, 16], classes: 10, seed: 3).withRandomBatchNorm()
  }

  private func compact(
    _ fraction: Double, _ clock: LayerClock, units: RemovableUnits = .zero, decompositions: DecompositionChoice = .any
  ) throws -> Compacted {
    try Compressor(PlanSettings(target: .time(fraction), units: units, decompositions: decompositions), clock: clock)
      .compact(
        network())
  }

  private func time(_ network: Network, _ clock: LayerClock) throws -> Double {
    let instructions = try network.shapedInstructions()
    let times = try clock.times(clock.conditions, Array(instructions.values))
    return NetworkTime(network) { name in instructions[name].flatMap { times[$0] } ?? 0 }.total
  }

  @Test(arguments: [0.6, 0.75, 0.9], [RemovableUnits.zero, .weakest])
  func `a plan keeps to its time, which is the compact network's, and is proved`(
    fraction: Double, units: RemovableUnits
  ) throws {
    let clock = clock(perOperation: 0.001)
    let compacted = try compact(fraction, clock, units: units)
    let predicted = try #require(compacted.plan.time)
    #expect(predicted.predicted <= fraction * predicted.original)
    // This clock is a straight line in the rank, so what is interpolated is exact.
    #expect(abs(try time(compacted.network, clock) - predicted.predicted) < 1e-4 * predicted.original)
    #expect(abs(try time(network(), clock) - predicted.original) < 1e-9 * predicted.original)
    #expect(try compacted.network.cost() == compacted.plan.predicted)
    #expect(throws: Never.self) { _ = try EqualityProof(reference: compacted.truncated, candidate: compacted.network) }
  }

  @Test(arguments: [0.5, 0.7], [0.0, 2.0])
  func `a runtime in which more takes time than the layers has the last word`(
    fraction: Double, overhead: Double
  ) throws {
    var clock = clock(perOperation: 0.001)
    let own = clock
    clock.runtime = LayerClock.Runtime(name: "slow runtime 1") { networks in
      try networks.map { try time($0, own) + overhead }
    }
    let measured = try #require(compact(fraction, clock, units: .weakest).plan.time?.measured)
    #expect(measured.runtime == "slow runtime 1")
    #expect(abs(measured.share / fraction - 1) <= 0.05 && !measured.isTooLong, "\(measured)")
  }

  @Test func `a runtime in which no plan is fast enough gives the fastest of them, which says so`() throws {
    var clock = clock(perOperation: 0.001)
    clock.runtime = LayerClock.Runtime(name: "flat runtime 1") { networks in networks.map { _ in 1 } }
    let measured = try #require(compact(0.8, clock, units: .weakest).plan.time?.measured)
    #expect(measured.share == 1 && measured.asked == 0.8 && measured.isTooLong)
  }

  @Test func `units go in the steps that the clock rewards`() throws {
    var clock = clock(perOperation: 0.001)
    clock.unitStep = 4
    let plan = try compact(0.5, clock, units: .weakest).plan
    #expect(plan.widths.values.allSatisfy { $0 % 4 == 0 } && plan.widths.values.contains { $0 % 8 != 0 })
  }

  @Test func `layers have their times before and after, which sum to the whole`() throws {
    let plan = try compact(0.7, clock(perOperation: 0.001), units: .weakest).plan
    let time = try #require(plan.time)
    let before = plan.layers.compactMap(\.millisecondsBefore), after = plan.layers.compactMap(\.milliseconds)
    #expect(before.count == plan.layers.count && after.count == plan.layers.count)
    #expect(abs(before.reduce(0, +) + time.restBefore - time.original) < 1e-9)
    #expect(abs(after.reduce(0, +) + time.rest - time.predicted) < 1e-9)
  }

  @Test func `a layer that would not be faster stays dense and says so in milliseconds`() throws {
    // Every operation takes as long as any other, so two never pay.
    let slow = clock(perMillion: 0, perOperation: 1)
    let plan = try compact(1, slow).plan
    for layer in plan.layers.dropFirst().dropLast() {
      guard let reason = layer.reason?.description else {
        Issue.record("\(layer.name) is factorised")
        continue
      }
      #expect(reason.hasPrefix("1.000 ms dense, 2.000 ms at rank "), "\(reason)")
    }
    let text = message { _ = try compact(0.9, slow) }
    #expect(text.hasPrefix("time cannot be cut to 0.9 of the original"))
  }

  @Test func `the time that the error names can be reached`() throws {
    let clock = clock(perOperation: 0.001)
    let words = message { _ = try compact(0.01, clock) }.split(separator: " ")
    let index = try #require(words.firstIndex(of: "for"))
    let fraction = try #require(Double(words[index + 1]))
    #expect(throws: Never.self) { _ = try compact(fraction, clock) }
  }

  @Test func `ranks and units are what the hardware likes`() throws {
    let clock = clock(perOperation: 0.001)
    let ranks = try compact(0.6, clock).plan.layers.compactMap(\.form.rank)
    #expect(!ranks.isEmpty && ranks.allSatisfy { $0 % 8 == 0 })
    let units = try compact(0.3, clock, units: .weakest).plan.layers.dropLast()
    #expect(units.allSatisfy { $0.units % 8 == 0 } && units.contains { $0.units < $0.unitsBefore })
  }

  @Test func `with more decompositions no more is lost, and the bound is below the loss`() throws {
    let clock = clock(perOperation: 0.001)
    for fraction in [0.6, 0.75, 0.9] {
      let any = try #require(try compact(fraction, clock).plan.time)
      let trained = try #require(try compact(fraction, clock, decompositions: .trained).plan.time)
      #expect(any.bound <= any.loss && trained.bound <= trained.loss)
      #expect(any.bound <= trained.bound + 1e-9)
      #expect(any.loss <= trained.loss + 0.05)
    }
  }

  @Test func `a plan by time survives the way through JSON`() throws {
    let plan = try compact(0.7, clock(perOperation: 0.001)).plan
    let read = try JSONDecoder().decode(Plan.self, from: JSONEncoder().encode(plan))
    #expect(read.time == plan.time && read.layers.map(\.form) == plan.layers.map(\.form))
    #expect(read.layers.map(\.reason) == plan.layers.map(\.reason))
    #expect(read.layers.map(\.milliseconds) == plan.layers.map(\.milliseconds))
  }

  @Test func `a plan by time without a clock is an error`() throws {
    #expect(throws: PlanError.self) { _ = try Compressor(PlanSettings(target: .time(0.5))).compact(network()) }
  }
}

@Suite struct LayerTimesTests {
  private func convolution(_ units: Int, _ side: Int = 8, stride: Int = 1) -> ShapedInstruction {
    ShapedInstruction(
      Convolution(ConvolutionGeometry(stride: [stride, stride], padding: [1, 1])), inputs: [[4, side, side]],
      parameters: [.weight: [units, 4, 3, 3]])
  }

  @Test func `instructions are told apart by operation and shapes alone`() {
    #expect(convolution(8) == convolution(8))
    let others = [
      convolution(9), convolution(8, 9), convolution(8, stride: 2),
      ShapedInstruction(Activation.relu, inputs: [[4]], parameters: [:]),
      ShapedInstruction(Elementwise.add, inputs: [[4], [4]], parameters: [:]),
    ]
    #expect(Set(others + [convolution(8)]).count == others.count + 1)
    #expect(convolution(8).macs == 8 * 4 * 9 * 64)
  }

  @Test func `a sum needs every time, and what is missing is told once`() {
    var times = LayerTimes(TimingConditions(batchSize: 1, threads: 1))
    times[convolution(8)] = 2
    #expect(times.total([convolution(8), convolution(8)]) == 4)
    #expect(times.total([convolution(8), convolution(9)]) == nil)
    #expect(times.missing([convolution(9), convolution(8), convolution(9)]) == [convolution(9)])
  }

  @Test func `between measured ranks times lie on a straight line, outside of them nowhere`() {
    var curve = RankCurve(
      decomposition: .spatialFirst, spectrum: Spectrum(values: Array(repeating: 1, count: 64), rows: 64, columns: 64),
      losses: Array(repeating: 0, count: 65), costs: (0...64).map { Cost(parameters: 128 * $0, macs: 128 * $0) },
      rankStep: 8)
    curve.times = [RankCurve.RankTime(rank: 8, milliseconds: 1), RankCurve.RankTime(rank: 32, milliseconds: 4)]
    #expect([8, 16, 20, 32].map(curve.milliseconds) == [1, 2, 2.5, 4])
    #expect(curve.milliseconds(at: 4) == nil && curve.milliseconds(at: 40) == nil)
    #expect(curve.timedRanks.map(\.rank) == [8, 16, 24, 32])
    #expect(curve.ranksToMeasure(upTo: 63) == [8, 16, 24, 32, 48, 56] && curve.ranksToMeasure(upTo: 7).isEmpty)
  }

  @Test func `what is measured is positive, and measured once`() {
    let (small, large) = (convolution(4, 4), convolution(64, 128))
    let times = InstructionTimer(TimingConditions(batchSize: 2, threads: 1)).measure([small, large, small])
    #expect(times.milliseconds.count == 2)
    #expect((times[small] ?? 0) > 0 && (times[large] ?? 0) > 0)
  }

  @Test(arguments: [TimingConditions.Precision.float32, .bfloat16])
  func `a network's whole and all of its parts are measured`(precision: TimingConditions.Precision) throws {
    let network = try Network.dec3(input: [1, 16, 16], classes: 5, units: [16, 24, 32], seed: 1)
    let (whole, parts) = try NetworkTimer(TimingConditions(batchSize: 2, threads: 1, precision: precision)).measure(
      network)
    #expect(Set(parts.layers.keys) == Set(network.matrixLayers.map(\.name)) && parts.rest > 0)
    #expect(whole > 0 && parts.total > parts.rest)
  }
}
