import Testing

@testable import Datasets

@Suite struct RandomStreamTests {
  @Test func `the same seed, epoch and index give the same numbers, others give others`() {
    func first(_ seed: UInt64, _ epoch: Int, _ index: Int) -> UInt64 {
      var stream = RandomStream(seed: seed, purpose: .augmentation, epoch: epoch, index: index)
      return stream.next()
    }
    #expect(first(1, 2, 3) == first(1, 2, 3))
    #expect(Set([first(1, 2, 3), first(2, 2, 3), first(1, 3, 3), first(1, 2, 4), first(1, 3, 2)]).count == 5)
  }

  @Test func `numbers below a bound are spread evenly`() {
    var stream = RandomStream(seed: 7)
    var counts = [Int](repeating: 0, count: 10)
    for _ in 0..<100_000 { counts[stream.below(10)] += 1 }
    // Five standard deviations of a binomial count.
    #expect(counts.allSatisfy { abs($0 - 10_000) < 475 })
  }

  @Test func `a shuffle keeps every element`() {
    var stream = RandomStream(seed: 7)
    var values = Array(0..<1_000)
    values.shuffle(using: &stream)
    #expect(values != Array(0..<1_000))
    #expect(values.sorted() == Array(0..<1_000))
  }
}
