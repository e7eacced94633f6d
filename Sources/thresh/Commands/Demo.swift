import ArgumentParser
import Architectures
import Compaction
import Datasets
import Foundation
import Interchange
import Networks
import Reports
import Torch
import Training

struct Demo: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the point in six minutes: four ways to a small network, on images the program draws itself.",
    discussion: """
      Example:
        thresh demo --output demo
      """)

  @Option(help: ArgumentHelp("Folder for the runs and the compact model.", valueName: "folder"))
  var output = "demo"
  @Option(help: ArgumentHelp("Epochs of every network, in all.", valueName: "n"))
  var epochs = 12
  @Option(help: ArgumentHelp("Training images.", valueName: "n"))
  var images = 8000
  @Option(help: ArgumentHelp("Fraction of the parameters to keep.", valueName: "fraction"))
  var parameters = 0.1
  @OptionGroup var threads: ThreadOptions

  func run() throws {
    print("not yet")
  }
}
