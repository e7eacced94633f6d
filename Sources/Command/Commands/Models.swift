import ArgumentParser
import Reports
import Thresh

struct Models: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the architectures that are known by name: size, MACs, usual input.",
    discussion: """
      Example:
        thresh models
        thresh train --model mobilenet_v2 --weights mobilenet_v2-b0353104.pth --data photos --output run

      Names and weights are those of torchvision, and of timm for deit_…; dec3, dec8, lenet5, resnet20 to resnet56 and \
      resnet50-dec are others. The size is for the usual input and number of classes.
      """)

  @Flag(help: "Print JSON: models with name, parameters, macs, inputShape, classes.")
  var json = false

  /// What is printed with --json.
  struct Report: Encodable {
    var models: [Entry]
  }

  struct Entry: Encodable {
    var name: String
    var parameters: Int
    var macs: Int
    /// channels × height × width.
    var inputShape: [Int]
    var classes: Int
  }

  func run() throws {
    let entries = try Catalogue.allCases.map { architecture in
      let usual = architecture.usual
      let cost = try architecture.withoutWeights(input: usual.shape, classes: usual.classes).cost()
      return Entry(
        name: architecture.rawValue, parameters: cost.parameters, macs: cost.macs, inputShape: usual.shape,
        classes: usual.classes)
    }
    if json { try Console.json(Report(models: entries)) } else { show(entries) }
  }

  private func show(_ entries: [Entry]) {
    var table = TextTable([
      .name("model"), .number("parameters"), .number("MACs"), .number("usual input", leaving: 2),
      .number("classes", leaving: 1),
    ])
    for entry in entries {
      table.append([
        entry.name, entry.parameters.formattedCount, entry.macs.formattedCount,
        entry.inputShape.map(String.init).joined(separator: "×"), "\(entry.classes)",
      ])
    }
    print(table.text(Console.output, all: "--json"), terminator: "")
  }
}
