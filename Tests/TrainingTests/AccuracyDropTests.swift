import Testing

@testable import Training

@Suite struct AccuracyDropTests {
  /// Two networks on the same images: so many that only the first gets right, only the second, both, neither.
  private func drop(_ lost: Int, _ won: Int, both: Int, neither: Int) -> AccuracyDrop {
    func outcomes(_ counts: [(Bool, Int)]) -> [Bool] { counts.flatMap { Array(repeating: $0, count: $1) } }
    return AccuracyDrop(
      from: outcomes([(true, lost), (false, won), (true, both), (false, neither)]),
      to: outcomes([(false, lost), (true, won), (true, both), (false, neither)]))
  }

  @Test func `the drop counts images that are lost less those that are won`() {
    let found = drop(30, 10, both: 900, neither: 60)
    #expect(abs(found.points - 2) < 1e-12 && found.images == 1000)
  }

  /// By hand: (30.5 − 10.5)/1002 + 1.6449·√(41 − 20²/1002)/1002.
  @Test func `the bound is that of Agresti and Min`() {
    #expect(abs(drop(30, 10, both: 900, neither: 60).bound - 3.0420) < 1e-3)
  }

  @Test func `the same answers still have a bound, the smaller the more images there are`() {
    let (few, many) = (drop(0, 0, both: 90, neither: 10), drop(0, 0, both: 9000, neither: 1000))
    #expect(few.points == 0 && few.bound > 1 && many.bound > 0 && many.bound < few.bound / 50)
  }

  @Test func `of random differences without a drop, one in twenty is taken for one at most`() {
    var seeded = Seeded(state: 7)
    let wrong = (0..<400).filter { _ in
      var (first, second) = ([Bool](), [Bool]())
      for _ in 0..<600 {
        let chance = seeded.next()
        first.append(chance < 0.9)
        second.append(chance < 0.04 ? false : chance < 0.9 || chance > 0.96)
      }
      return drop(first, second).bound < 0
    }
    #expect(wrong.count <= 32)
  }

  private func drop(_ first: [Bool], _ second: [Bool]) -> AccuracyDrop { AccuracyDrop(from: first, to: second) }

  /// Numbers from 0 to 1, the same every time (Marsaglia 2003).
  private struct Seeded {
    var state: UInt64
    mutating func next() -> Double {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Double(state >> 11) * 0x1p-53
    }
  }
}
