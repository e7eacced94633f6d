@testable import Networks
import Foundation
import Testing
import Torch

/// Random networks over all operations: as they are used, trained, written and made small they compute what their nodes
/// do.
///
/// `Fuzz/graphs` draws as many as one likes: THRESH_GRAPHS_SECONDS says how long, THRESH_GRAPHS_SEED from which on, and
/// THRESH_GRAPHS_PLACE a file that holds the seed at hand, for graphs that end the program.
@Suite struct RandomGraphTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let seconds = environment["THRESH_GRAPHS_SECONDS"].flatMap(Double.init)
  private static let firstSeed = environment["THRESH_GRAPHS_SEED"].flatMap(UInt64.init) ?? 0
  private static let seeds: Range<UInt64> = 0..<200

  /// A graph; nil where what was drawn does not depend on the image.
  private func graph(_ seed: UInt64) -> RandomGraph? { try? RandomGraph(seed: seed) }

  private func check(_ seed: UInt64) throws {
    guard let graph = graph(seed) else { return }
    let fault: String?
    do { fault = try GraphComparison.fault(in: graph.network) } catch { fault = "\(error)" }
    guard let fault else { return }
    Issue.record("the graph of seed \(seed): \(fault)\n\(graph.network.listing)")
  }

  @Test func `random graphs compute the same in every way that they are run`() throws {
    for seed in Self.seeds { try check(seed) }
  }

  @Test(.enabled(if: seconds != nil)) func `as many as there is time for`() throws {
    let end = Date(timeIntervalSinceNow: Self.seconds ?? 0)
    var seed = Self.firstSeed
    while Date.now < end {
      if let place = Self.environment["THRESH_GRAPHS_PLACE"] {
        try "\(seed)".write(toFile: place, atomically: false, encoding: .utf8)
      }
      try check(seed)
      seed += 1
    }
    print("graphs of seeds \(Self.firstSeed) to \(seed - 1)")
  }

  @Test func `every kind of operation is drawn`() {
    for operation in OperationRegistry.operations where RandomGraph.makers[operation.kind] == nil {
      Issue.record("\(operation.kind) is never drawn: add how to RandomGraph.makers in RandomGraph+Makers.swift")
    }
    let drawn = Set(Self.seeds.compactMap { graph($0)?.kinds }.joined())
    for operation in OperationRegistry.operations where !drawn.contains(operation.kind) {
      Issue.record("\(operation.kind) is in none of \(Self.seeds.count) random graphs; its maker may never fit")
    }
  }
}
