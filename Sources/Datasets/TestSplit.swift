/// Which images of a folder without a test part are set apart as one: the same share of every class.
///
/// The choice follows from the names of the files alone, so it is the same on every machine, for every seed and
/// command, and a file more or less changes little of it.
struct TestSplit {
  /// Positions of the images to learn from, ascending.
  private(set) var train: [Int] = []
  /// Positions of the images set apart, ascending.
  private(set) var test: [Int] = []

  /// What a person is told of it.
  func note(share: Double) -> String {
    "there is no folder test or val, so \(grouped(test.count)) of \(grouped(train.count + test.count)) training images "
      + "(\(share) of every class, always the same) were set apart for testing; `test-share` changes how many"
  }

  /// - Parameters:
  ///   - positions: the images to split.
  ///   - label: the class of an image.
  ///   - name: what an image is called within its class.
  init(
    of positions: [Int], share: Double, label: (Int) -> Int, name: (Int) -> [UInt8]
  ) {
    for members in Dictionary(grouping: positions, by: label).values {
      let ranked = members.map { (place: Self.place(of: name($0)), position: $0) }.sorted { $0 < $1 }.map(\.position)
      let wanted = Int((Double(members.count) * share).rounded())
      // A class of two images or more is in both parts.
      let count = members.count < 2 ? 0 : min(max(wanted, 1), members.count - 1)
      test += ranked.prefix(count)
      train += ranked.dropFirst(count)
    }
    train.sort()
    test.sort()
  }

  /// Where a name stands in an order that has nothing to do with the alphabet.
  private static func place(of name: [UInt8]) -> UInt64 {
    // FNV-1a, whose low bits are worse than the stream that it seeds.
    let hash = name.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    var random = RandomStream(seed: hash, purpose: .testSplit)
    return random.next()
  }
}
