/// Instructions next to one another in the order that are computed in one call.
struct Call {
  let range: Range<Int>
  /// Names of the values that it reads from outside; where it is of several instructions, each once.
  let inputs: [String]
  /// The name of the value that it makes, its last instruction's.
  let result: String

  init(_ range: Range<Int>, of instructions: [Instruction]) {
    let made = Set(instructions[range].map(\.result))
    var seen = made
    self.range = range
    inputs =
      range.count == 1
      ? instructions[range.lowerBound].inputs
      : instructions[range].flatMap(\.inputs).filter { seen.insert($0).inserted }
    result = instructions[range.upperBound - 1].result
  }
}

extension [Instruction] {
  /// The instructions in calls: as many neighbours as can be together of those that `canJoin`, where nothing but the
  /// last's result is read by others or is the network's `output`.
  func calls(output: String, canJoin: (Int) -> Bool) -> [Call] {
    var lastReader = [output: count]
    for (index, instruction) in enumerated() {
      for name in instruction.inputs { lastReader[name] = Swift.max(index, lastReader[name] ?? 0) }
    }
    var calls: [Call] = [], next = 0
    while next < count {
      var end = next + 1
      if canJoin(next) {
        while end < count, canJoin(end) { end += 1 }
        while end > next + 1, self[next..<end - 1].contains(where: { lastReader[$0.result] ?? 0 >= end }) { end -= 1 }
      }
      calls.append(Call(next..<end, of: self))
      next = end
    }
    return calls
  }
}
