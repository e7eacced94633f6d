import Clocks
import Compaction
import Torch
import Training

extension Recipe {
  /// What times are measured under where they decide.
  var timing: TimingConditions {
    TimingConditions(
      batchSize: machine.timeBatchSize, threads: machine.threads ?? Library.threads, precision: machine.timePrecision)
  }

  /// Sets libtorch's threads and gives the device to compute on.
  ///
  /// - Throws: `RecipeError` when the machine does not have it.
  package func computing() throws -> Device {
    if let threads = machine.threads { Library.setThreads(threads) }
    // Looking for others loads CUDA's libraries.
    if machine.device == Device.cpu.description { return .cpu }
    let here = Device.available
    guard let device = Device(machine.device), here.contains(device) else {
      throw RecipeError(
        """
        `device` is \(machine.device), but found only \(here.map(\.description).joined(separator: ", ")); name one \
        of these, or set up with a CUDA build of libtorch on a machine with a driver
        """)
    }
    return device
  }
}
