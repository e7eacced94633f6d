import ArgumentParser
import Foundation
import Reports
import Thresh

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show a network's layers: shapes, ranks, singular values, zero units, cost.",
    discussion: """
      Example:
        thresh inspect run --json
        thresh inspect resnet20 --weights resnet20-cifar10.safetensors
      """)

  @OptionGroup var model: ModelArgument
  @Flag(help: "Print JSON: parameters, macs, layers with name, shape, rank, singularValues, units, zeroUnits.")
  var json = false

  /// What is printed with --json.
  struct Report: Encodable {
    var parameters: Int
    var macs: Int
    var activationBytes: Int
    var inputShape: [Int]
    var outputs: [Output]
    var figures: [String: Double]
    var layers: [Layer]
  }

  struct Output: Encodable {
    var name: String?
    var shape: [Int]
  }

  struct Layer: Encodable {
    var name: String
    /// Of the layer's matrix as a weight; factors are shown as the one layer that they stand for.
    var shape: [Int]
    var factorized: Bool
    var rank: Int
    var singularValues: [Double]
    /// Numbers of singular values that hold 90 % of Σσ.
    var rank90: Int
    var units: Int
    var zeroUnits: Int
    var parameters: Int
    var macs: Int
  }

  func run() throws {
    // One thread: a team takes longer to start than these small matrices take to decompose.
    Library.setThreads(1)
    let model = try model.load()
    let network = model.network
    let costs = Dictionary(
      try network.nodeCosts().map { ($0.node.name, $0.cost) }, uniquingKeysWith: { first, _ in first })
    let layers = try network.matrixLayers.map { try describe($0, network, costs) }
    let cost = try network.cost()
    var report = Report(
      parameters: cost.parameters, macs: cost.macs, activationBytes: cost.activationBytes,
      inputShape: network.inputShape,
      outputs: try model.outputs().map { Output(name: $0.name, shape: $0.shape) },
      figures: model.figures, layers: layers)
    guard json else { return show(report, try model.outputs()) }
    report.figures = Dictionary(model.figures.map { (ReadableJSON.key($0), $1) }) { first, _ in first }
    try Console.json(report)
  }

  private func describe(_ layer: MatrixLayer, _ network: Network, _ costs: [String: Cost]) throws -> Layer {
    let matrix = network.matrix(of: layer)
    let spectrum = try Spectrum(of: matrix)
    let zero = (matrix * matrix).sum(axes: [1]).doubles.filter { $0 == 0 }.count
    let cost = layer.nodes.compactMap { costs[$0] }.reduce(Cost(), +)
    let first = network[layer.nodes[0]].flatMap { network.parameter(.weight, of: $0) }?.shape ?? []
    return Layer(
      name: layer.name, shape: [spectrum.rows] + first.dropFirst(), factorized: layer.isFactorized, rank: spectrum.rank,
      singularValues: spectrum.values, rank90: spectrum.rank(keeping: 0.9, .sum), units: spectrum.rows,
      zeroUnits: zero, parameters: cost.parameters, macs: cost.macs)
  }

  private func show(_ report: Report, _ outputs: [NetworkOutput]) {
    var table = TextTable([
      .name("layer"), .text("shape", leaving: 3), .number("rank"), .number("at 90 %", leaving: 2),
      .number("zero units", leaving: 1), .number("parameters"), .number("MACs"),
    ])
    for layer in report.layers {
      let full = min(layer.singularValues.count, layer.units)
      let cells = [
        layer.name + (layer.factorized ? " *" : ""), layer.shape.map(String.init).joined(separator: "×"),
        "\(layer.rank)/\(full)", "\(layer.rank90)", "\(layer.zeroUnits)", layer.parameters.formattedCount,
        layer.macs.formattedCount,
      ]
      table.append(cells, tones: layer.rank < full ? [2: .better] : [:])
    }
    table.appendRule()
    table.append(["whole network", "", "", "", "", report.parameters.formattedCount, report.macs.formattedCount])
    print(table.text(Console.output, all: "--json"), terminator: "")
    if report.layers.contains(where: \.factorized) { Console.print("* in factors") }
    Console.print("at 90 %: the singular values that hold 90 % of their sum")
    Console.print("gives \(outputs.map(\.description).joined(separator: ", "))")
    for line in report.sentences { Console.print(line) }
  }
}

extension Inspect.Report {
  /// The figures that the file says of itself.
  fileprivate var sentences: [String] {
    var rest = figures
    func take(_ name: String) -> Double? { rest.removeValue(forKey: name) }
    // These are counted above.
    _ = (take("parameters"), take("macs"))
    let accuracies = [("test", "top1"), ("held-out", "validationTop1")].compactMap { images, key -> String? in
      guard let percent = rest[key], (0...100).contains(percent) else { return nil }
      _ = take(key)
      return "\((percent / 100).formattedPercent(decimals: 2)) on the \(images) images"
    }
    let epoch = take("epoch").map { "after epoch \(Self.number($0))" }
    let reached = accuracies.isEmpty ? [] : ["top-1 " + accuracies.joined(separator: ", ")]
    var lines = [(reached + [epoch].compactMap(\.self)).joined(separator: ", ")]
    let dense = [("parameters", parameters, take("denseParameters")), ("MACs", macs, take("denseMacs"))]
    let before = dense.compactMap { name, count, value in
      value.flatMap { Int(exactly: $0) }.map { whole in
        let share = (Double(count) / Double(max(1, whole))).formattedPercent(decimals: 1)
        return "\(whole.formattedCount) \(name), of which it has \(share)"
      }
    }
    if !before.isEmpty { lines.append("before compression " + before.joined(separator: "; ")) }
    lines += rest.sorted { $0.key < $1.key }.map { "\($0.key) \(Self.number($0.value))" }
    return lines.filter { !$0.isEmpty }
  }

  /// A file may hold any number, also one that no Int takes.
  private static func number(_ value: Double) -> String {
    guard value.magnitude < 1e15 else { return String(format: "%.3g", value) }
    return Int(exactly: value).map(String.init) ?? value.formatted(decimals: 3)
  }
}
