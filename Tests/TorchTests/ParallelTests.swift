import Foundation
import Testing
import Torch

@Suite struct ParallelTests {
  private struct Refusal: Error, Equatable { var index: Int }

  @Test(arguments: [0, 1, 7, 100])
  func `every index is worked on once and values come in order`(count: Int) throws {
    let lock = NSLock()
    nonisolated(unsafe) var seen: [Int] = []
    let values = try Library.parallel(count) { index in
      lock.withLock { seen.append(index) }
      return index * index
    }
    #expect(values == (0..<count).map { $0 * $0 })
    #expect(seen.sorted() == Array(0..<count))
  }

  @Test func `operations give what they give one after the other`() throws {
    let matrices = (1...6).map { Tensor.normal([10 * $0, 8], dtype: .float64, using: Generator(seed: UInt64($0))) }
    let values = try Library.parallel(6) { try matrices[$0].singularValues().doubles }
    #expect(try values == matrices.map { try $0.singularValues().doubles })
  }

  @Test func `of several errors the first in order is thrown`() {
    #expect(throws: Refusal(index: 3)) {
      _ = try Library.parallel(9) { index in
        if index % 3 == 0, index > 0 { throw Refusal(index: index) }
        return index
      }
    }
  }

  @Test func `gradients are recorded where they are outside`() throws {
    let weight = Tensor.ones([2]).leaf
    let slopes = try Library.parallel(4) { index in
      (weight * Double(index)).sum.gradients(of: [weight])[0].doubles
    }
    #expect(slopes == (0..<4).map { [Double($0), Double($0)] })
  }
}
