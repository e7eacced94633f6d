/// Passes of a network in use that are computed in one call, next to one another in the order.
struct PassCall {
  let range: Range<Int>
  /// Names of the values that it reads from outside, each once.
  let inputs: [String]
  /// The name of the value that it makes, its last pass's.
  let result: String

  init(_ range: Range<Int>, of passes: [Pass]) {
    let made = Set(passes[range].map(\.result))
    var seen = made
    self.range = range
    // Of one pass what it reads in its order, twice where it reads it twice.
    inputs =
      range.count == 1
      ? passes[range.lowerBound].inputs : passes[range].flatMap(\.inputs).filter { seen.insert($0).inserted }
    result = passes[range.upperBound - 1].result
  }
}

extension [Pass] {
  /// The passes in calls: as many neighbours as can be together of those that `canJoin`, where nothing but the last's
  /// result is read by others or is the network's `output`.
  func calls(output: String, canJoin: (Int) -> Bool) -> [PassCall] {
    var lastReader = [output: count]
    for (index, pass) in enumerated() {
      for name in pass.inputs { lastReader[name] = Swift.max(index, lastReader[name] ?? 0) }
    }
    var calls: [PassCall] = [], next = 0
    while next < count {
      var end = next + 1
      if canJoin(next) {
        while end < count, canJoin(end) { end += 1 }
        while end > next + 1, self[next..<end - 1].contains(where: { lastReader[$0.result] ?? 0 >= end }) { end -= 1 }
      }
      calls.append(PassCall(next..<end, of: self))
      next = end
    }
    return calls
  }
}
