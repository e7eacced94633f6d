import ArgumentParser
import Foundation
import Reports
import Thresh

struct Calibrate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Time a network's layers, and their possible factors, on this machine.",
    discussion: """
      Example:
        thresh calibrate resnet20 --batch-size 32 --threads 2

      Every layer is timed as it is and as factors at several ranks in each decomposition. The times are \
      kept in a cache with the machine's description, and compress --time plans with them. Then the whole network is \
      timed, and the sum of its parts is shown beside the measured time. Run nothing else meanwhile.

      Times of the runtime where the network will be used:
        thresh calibrate resnet20 --batch-size 1 --threads 1 --clock onnxruntime
      """)

  @OptionGroup var model: ModelArgument
  @Option(help: ArgumentHelp("Images at once.", valueName: "n"))
  var batchSize = 32
  @Option(help: ArgumentHelp("Threads of libtorch; all cores by default.", valueName: "n"))
  var threads: Int?
  @Option(
    help: ArgumentHelp(
      "float32, bfloat16 (weights stay float32), or int8 with another --clock than thresh.", valueName: "precision"))
  var precision = TimingConditions.Precision.float32
  @Option(
    help: ArgumentHelp(
      "Who tells the times: thresh, onnxruntime, openvino, or a command.", valueName: "name|command"))
  var clock = ClockName.thresh
  @Flag(help: "Print JSON: milliseconds of every layer, its possible factors and the network, predicted and measured.")
  var json = false

  /// What is printed with --json; times are milliseconds for a batch.
  struct Report: Encodable {
    var machine: TimeCache.Machine
    var conditions: TimingConditions
    var layers: [Layer]
    /// What is in no layer: batch norms, activations, additions, pooling.
    var rest: Times
    var whole: Times
    /// Name and version of another runtime than Thresh's own engine.
    var runtime: String?
    var cache: String
  }

  struct Times: Encodable {
    var predicted: Double
    /// Nothing where a runtime cannot be looked into.
    var measured: Double?
  }

  struct Layer: Encodable {
    var name: String
    var units: Int
    var time: Times
    var factors: [Factors]
  }

  struct Factors: Encodable {
    var decomposition: Decomposition
    var rank: Int
    var milliseconds: Double
  }

  func run() throws {
    guard (1...65_536).contains(batchSize) else {
      throw RecipeError("--batch-size is \(batchSize), expected 1 to 65536")
    }
    guard threads.map({ (1...1024).contains($0) }) ?? true else {
      throw RecipeError("--threads is \(threads ?? 0), expected 1 to 1024")
    }
    let conditions = TimingConditions(
      batchSize: batchSize, threads: threads ?? Library.threads, precision: precision)
    let network = try model.load().network
    let times = WatchedFile(TimeCache().file.path)
    Interruption.keeps { times.isWritten ? "the times so far are in \(times.path)" : "nothing was written" }
    let report = try measure(network, conditions)
    if json { try Console.json(report) } else { show(report) }
    if let measured = report.whole.measured, report.runtime == nil, abs(report.whole.predicted / measured - 1) > 0.15 {
      Console.note(
        "warning: the times of the parts do not add up to that of the network; repeat while nothing else runs")
    }
  }

  private func measure(_ network: Network, _ conditions: TimingConditions) throws -> Report {
    let cache = TimeCache()
    let leftOut = Compressor(PlanSettings(target: .time(1))).leftOut(of: network)
    let clock = try cache.clock(conditions, by: self.clock, isFresh: true, observe: Console.show)
    let analysis = try Analysis(timing: network, by: clock, leavingOut: leftOut.contains)
    guard let predicted = analysis.times?.original else { preconditionFailure("an analysis by a clock has times") }
    let (whole, parts) = try measure(network, by: clock)
    let layers = analysis.layers.map { layer in
      Layer(
        name: layer.name, units: layer.units,
        time: Times(predicted: predicted.layers[layer.name] ?? 0, measured: parts?.layers[layer.name]),
        factors: layer.curves.flatMap { curve in
          curve.times.map { Factors(decomposition: curve.decomposition, rank: $0.rank, milliseconds: $0.milliseconds) }
        })
    }
    return Report(
      machine: cache.machine, conditions: conditions, layers: layers,
      rest: Times(predicted: predicted.rest, measured: parts?.rest),
      whole: Times(predicted: predicted.total, measured: whole), runtime: clock.runtime?.name, cache: cache.file.path)
  }

  /// The whole network, and its parts where the clock can look between them.
  private func measure(_ network: Network, by clock: LayerClock) throws -> (whole: Double, parts: NetworkTime?) {
    guard let runtime = clock.runtime else { return try NetworkTimer(clock.conditions).measure(network) }
    return (try runtime.networks([network])[0], nil)
  }

  private func show(_ report: Report) {
    var table = TextTable([.name("layer"), .number("ms"), .number("measured", leaving: 1), .text("fastest factors")])
    func row(_ name: String, _ times: Times, _ words: String = "", tone: TextStyle.Tone? = nil) {
      let cells = [name, times.predicted.formatted(decimals: 3), times.measured?.formatted(decimals: 3) ?? "–", words]
      table.append(cells, tones: tone.map { [3: $0] } ?? [:])
    }
    for layer in report.layers {
      let (words, isFaster) = fastest(layer)
      row(layer.name, layer.time, words, tone: isFaster ? .better : .faint)
    }
    table.appendRule()
    row("besides", report.rest)
    row("whole network", report.whole)
    print(table.text(Console.output, all: "--json"), terminator: "")
    let machine = report.machine
    if let measured = report.whole.measured {
      let gap = report.whole.predicted / measured - 1
      let side = gap < 0 ? "below" : "above"
      Console.print("the sum of the parts is \(abs(gap).formattedPercent(decimals: 1)) \(side) the measured time")
    }
    Console.print(
      """
      besides: batch norms, activations, additions, pooling
      milliseconds for \(report.conditions.description); \(machine.processor), \(machine.cores) cores, \
      \(machine.instructions), \(report.runtime ?? "libtorch \(machine.libtorch)")
      kept in \(report.cache)
      """)
  }

  /// The fastest factors of a layer, and whether they are faster than the layer.
  private func fastest(_ layer: Layer) -> (words: String, isFaster: Bool) {
    guard let best = layer.factors.min(by: { $0.milliseconds < $1.milliseconds }) else { return ("–", false) }
    guard best.milliseconds < layer.time.predicted else {
      return ("none (\(best.milliseconds.formatted(decimals: 3)) at rank \(best.rank))", false)
    }
    return ("\(best.milliseconds.formatted(decimals: 3)), rank \(best.rank) as \(best.decomposition.kernels)", true)
  }
}
