/// Which images of a training set are held out: the same share of every class, chosen by a seed.
struct StratifiedSplit: Equatable {
  /// Positions that stay, ascending.
  var kept: [Int] = []
  /// Positions held out, ascending.
  var held: [Int] = []

  init(of source: any ImageSource, fraction: Double, seed: UInt64) throws(DatasetError) {
    guard fraction > 0, fraction < 1 else {
      throw .badOption("a validation share lies between 0 and 1, found \(fraction); 0.1 holds out a tenth")
    }
    var members: [Int: [Int]] = [:]
    for index in 0..<source.count { members[source.label(at: index), default: []].append(index) }
    var random = RandomStream(seed: seed, purpose: .split)
    for label in members.keys.sorted() {
      var indices = members[label, default: []]
      indices.shuffle(using: &random)
      let share = Int((Double(indices.count) * fraction).rounded())
      held += indices.prefix(share)
      kept += indices.dropFirst(share)
    }
    held.sort()
    kept.sort()
    guard !held.isEmpty, !kept.isEmpty else {
      throw .badOption(
        "a validation share of \(fraction) leaves \(held.count) of \(source.count) images; choose another")
    }
  }
}
