import Torch

/// Where the values of a run lie: names resolved to positions once, and when each value may be let go.
///
/// The input of the network is in slot 0, the result of step i in slot i + 1.
struct Slots: Sendable {
  /// What each step reads.
  private let inputs: [[Int]]
  /// What each step is the last to read; the result of the run is never among it.
  private let finished: [[Int]]
  private let output: Int

  /// - Parameter steps: in the order of the run, what each reads and the name of what it makes.
  init(_ steps: [(inputs: [String], result: String)], output: String) {
    var slot = [Network.inputName: 0]
    for (index, step) in steps.enumerated() { slot[step.result] = index + 1 }
    let inputs = steps.map { step in step.inputs.map { slot[$0] ?? 0 } }
    let result = slot[output] ?? 0
    var lastReader: [Int: Int] = [:]
    for (index, read) in inputs.enumerated() {
      for slot in read { lastReader[slot] = index }
    }
    self.inputs = inputs
    self.output = result
    finished = inputs.enumerated().map { index, read in
      Set(read).filter { lastReader[$0] == index && $0 != result }.sorted()
    }
  }

  /// The values of one run.
  struct Values {
    private let slots: Slots
    private var values: [Tensor?]

    init(_ slots: Slots, input: Tensor) {
      self.slots = slots
      values = [Tensor?](repeating: nil, count: slots.inputs.count + 1)
      values[0] = input
    }

    func read(by step: Int) -> [Tensor] { slots.inputs[step].map(value) }

    /// Keeps what the step made and lets go of what no later one reads.
    mutating func finish(_ step: Int, with result: Tensor) {
      values[step + 1] = result
      for slot in slots.finished[step] { values[slot] = nil }
    }

    var output: Tensor { value(slots.output) }

    private func value(_ slot: Int) -> Tensor {
      guard let value = values[slot] else { preconditionFailure("value \(slot) is read before it is made") }
      return value
    }
  }
}
