@testable import Compaction
import Foundation
import Networks
import Testing

/// Plans from made-up analyses, without tensors.
@Suite struct PlannerTests {
  private func layer(
    _ name: String, _ values: [Double], rows: Int? = nil, columns: Int = 100, positions: Int = 10,
    factorizedRank: Int? = nil, obstacle: DenseReason? = nil
  ) -> Analysis.Layer {
    let spectrum = Spectrum(values: values, rows: rows ?? values.count, columns: columns)
    let perRank = spectrum.rows + columns
    let curve = RankCurve(
      decomposition: .spatialFirst, spectrum: spectrum, losses: spectrum.losses(.sum),
      costs: (0...max(values.count, factorizedRank ?? 0)).map { rank in
        Cost(parameters: rank * perRank, macs: rank * perRank * positions, activationBytes: 4 * rank * positions)
      })
    let weights = factorizedRank.map { $0 * perRank } ?? spectrum.rows * columns
    return Analysis.Layer(
      name: name, curves: [curve], positions: positions, weights: weights, weightsBefore: weights,
      unitsBefore: spectrum.rows, factorizedRank: factorizedRank, obstacle: obstacle)
  }

  /// Three layers, and 500 parameters and 1000 multiply-accumulates that are in none of them.
  private func analysis(_ layers: [Analysis.Layer]? = nil) -> Analysis {
    let layers =
      layers ?? [
        layer("steep", (0..<40).map { pow(0.7, Double($0)) }, columns: 200, positions: 64),
        layer("flat", (0..<40).map { 1 - 0.01 * Double($0) }, columns: 120, positions: 16),
        layer("middle", (0..<60).map { pow(0.93, Double($0)) }, columns: 300, positions: 4),
      ]
    let cost = Cost(
      parameters: 500 + layers.map(\.weights).reduce(0, +),
      macs: 1000 + layers.map { $0.weights * $0.positions }.reduce(0, +), activationBytes: 4096)
    return Analysis(layers: layers, original: cost, narrowed: cost)
  }

  private func rank(_ plan: Plan, _ index: Int = 0) -> Int? {
    plan.layers[index].form.rank
  }

  private func reason(_ plan: Plan, _ index: Int = 0) -> String? {
    plan.layers[index].reason?.description
  }

  @Test func `a layer is cut to the smallest rank that keeps the energy`() throws {
    let one = analysis([layer("a", [4, 3, 2, 1] + Array(repeating: 0, count: 36))])
    #expect(rank(try Compressor(PlanSettings(target: .energy(0.7))).plan(for: one)) == 2)
    #expect(rank(try Compressor(PlanSettings(target: .energy(0.71))).plan(for: one)) == 3)
    #expect(rank(try Compressor(PlanSettings(target: .energy(0.71), measure: .squares)).plan(for: one)) == 2)
    #expect(rank(try Compressor(PlanSettings(target: .energy(1))).plan(for: one)) == 4)
  }

  @Test func `an entry tells the energy kept, the error to expect and the sizes`() throws {
    let one = analysis([layer("a", [4, 3, 2, 1] + Array(repeating: 0, count: 36))])
    let entry = try Compressor(PlanSettings(target: .energy(0.7))).plan(for: one).layers[0]
    #expect(entry.energy == 0.7)
    #expect(entry.error == 5.0.squareRoot())
    #expect(entry.norm == 30.0.squareRoot())
    #expect(entry.numericalRank == 4)
    #expect(entry.weightsBefore == 4000 && entry.weights == 2 * 140)
  }

  @Test func `costs are predicted`() throws {
    let one = analysis([layer("a", [4, 3, 2, 1] + Array(repeating: 0, count: 36), positions: 9)])
    let plan = try Compressor(PlanSettings(target: .energy(0.7))).plan(for: one)
    #expect(plan.predicted == Cost(parameters: 500 + 280, macs: 1000 + 280 * 9, activationBytes: 4096 + 4 * 2 * 9))
    #expect(plan.original == one.original)
    #expect(plan.isLossy)
    #expect(try !Compressor(PlanSettings(target: .energy(1))).plan(for: one).isLossy)
  }

  @Test func `no layer is cut under the smallest rank`() throws {
    let one = analysis([layer("a", [1] + Array(repeating: 1e-3, count: 39))])
    #expect(rank(try Compressor(PlanSettings(target: .energy(0.5))).plan(for: one)) == 1)
    #expect(rank(try Compressor(PlanSettings(target: .energy(0.5), minimumRank: 7)).plan(for: one)) == 7)
  }

  @Test func `a layer stays dense where factors would not be smaller`() throws {
    // 40 · 100 / (40 + 100) = 28.57: rank 28 pays, 29 does not.
    let flat = Array(repeating: 1.0, count: 40)
    let one = analysis([layer("a", flat)])
    #expect(rank(try Compressor(PlanSettings(target: .energy(28.0 / 40))).plan(for: one)) == 28)
    let dense = try Compressor(PlanSettings(target: .energy(29.0 / 40))).plan(for: one)
    #expect(reason(dense) == "rank 29 would not be smaller")
    #expect(dense.predicted == one.original && !dense.isLossy)
    #expect(dense.layers[0].energy == 1 && dense.layers[0].error == 0)
  }

  @Test func `a layer with an obstacle stays dense and says why`() throws {
    let one = analysis([layer("a", [1, 0, 0, 0], obstacle: .obstacle("grouped"))])
    #expect(reason(try Compressor(PlanSettings(target: .energy(0.5))).plan(for: one)) == "grouped")
  }

  @Test func `a pair is cut again only to a lower rank`() throws {
    let values = [4.0, 3, 2, 1] + Array(repeating: 0, count: 36)
    let one = analysis([layer("a", values, factorizedRank: 3)])
    let plan = try Compressor(PlanSettings(target: .energy(0.7))).plan(for: one)
    #expect(rank(plan) == 2)
    #expect(plan.predicted.parameters == one.original.parameters - 140)
    #expect(plan.predicted.activationBytes == 4096 - 4 * 10)
    #expect(reason(try Compressor(PlanSettings(target: .energy(0.71))).plan(for: one)) == "already at rank 3")
  }

  @Test(arguments: [0.2, 0.35, 0.5, 0.8], [false, true])
  func `a size is reached and hardly undercut`(fraction: Double, isParameters: Bool) throws {
    let analysis = analysis()
    let goal: Target = isParameters ? .parameters(fraction) : .macs(fraction)
    let cost: KeyPath<Cost, Int> = isParameters ? \.parameters : \.macs
    let plan = try Compressor(PlanSettings(target: goal)).plan(for: analysis)
    let limit = fraction * Double(analysis.original[keyPath: cost])
    #expect(Double(plan.predicted[keyPath: cost]) <= limit)
    // A little more energy is over the limit.
    let more = try Compressor(PlanSettings(target: .energy(min(1, plan.energy + 1e-5)))).plan(for: analysis)
    #expect(Double(more.predicted[keyPath: cost]) > limit)
  }

  @Test func `a size that is reached without loss loses nothing`() throws {
    let low = analysis([layer("a", [4, 3, 2, 1] + Array(repeating: 0, count: 36))])
    let plan = try Compressor(PlanSettings(target: .parameters(0.9))).plan(for: low)
    #expect(rank(plan) == 4 && plan.energy == 1 && !plan.isLossy)
  }

  @Test func `a size that cannot be reached is an error that says what can`() throws {
    let analysis = analysis()
    let text = message { _ = try Compressor(PlanSettings(target: .parameters(0.01))).plan(for: analysis) }
    #expect(text.hasPrefix("parameters cannot be cut to 0.01 of the original: 0.0"))
    #expect(text.contains("remain with every layer at rank 1; ask for"))
    #expect(throws: PlanError.self) {
      _ = try Compressor(PlanSettings(target: .macs(0.05), minimumRank: 30)).plan(for: analysis)
    }
  }

  @Test func `where every layer is left out the error names them, and no floor`() throws {
    let analysis = analysis([layer("a", [4, 3, 2, 1], obstacle: .leftOut), layer("b", [2, 1], obstacle: .leftOut)])
    let text = message { _ = try Compressor(PlanSettings(target: .macs(0.5))).plan(for: analysis) }
    #expect(text.contains("1.0 remain since every layer is left out (a, b); ask for 1.0 or more"))
    #expect(text.hasSuffix("or leave out fewer layers (`skip`)"))
  }

  @Test func `the size that the error names can be reached`() throws {
    let analysis = analysis()
    let text = message { _ = try Compressor(PlanSettings(target: .parameters(0.01))).plan(for: analysis) }
    let words = text.split(separator: " ")
    let index = try #require(words.firstIndex(of: "for"))
    let fraction = try #require(Double(words[index + 1]))
    #expect(throws: Never.self) { _ = try Compressor(PlanSettings(target: .parameters(fraction))).plan(for: analysis) }
  }

  @Test func `a plan survives the way through JSON`() throws {
    let plan = try Compressor(PlanSettings(target: .parameters(0.5), measure: .squares, minimumUnits: 3)).plan(
      for: analysis([layer("a", (1...40).map { 41 - Double($0) }), layer("b", [1, 1], obstacle: .obstacle("grouped"))]))
    let read = try JSONDecoder().decode(Plan.self, from: JSONEncoder().encode(plan))
    #expect(read.layers.map(\.form) == plan.layers.map(\.form))
    #expect(read.layers.map(\.reason) == plan.layers.map(\.reason))
    #expect(read.predicted == plan.predicted && read.energy == plan.energy && read.minimumUnits == 3)
  }
}
