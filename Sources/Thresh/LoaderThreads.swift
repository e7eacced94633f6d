import Foundation
import Torch
import Training

extension Recipe {
  /// How many threads prepare images: as many as the recipe says, or the cores that computing leaves free.
  package var workers: Int {
    machine.workers
      ?? LoaderThreads.usual(
        cores: ProcessInfo.processInfo.activeProcessorCount, computing: machine.threads ?? Library.threads,
        onCPU: machine.device == Device.cpu.description)
  }
}

/// How many threads prepare images where nobody says it.
enum LoaderThreads {
  /// The cores without those that compute, 1 to 8; beside a GPU all cores, up to 16. Each thread keeps a batch of its
  /// own in memory.
  static func usual(cores: Int, computing: Int, onCPU: Bool) -> Int {
    onCPU ? min(max(cores - computing, 1), 8) : min(max(cores, 1), 16)
  }
}
