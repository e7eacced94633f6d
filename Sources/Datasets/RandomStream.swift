/// A counter-based generator (SplitMix64): the same on every machine, and a pure function of what it is made from.
///
/// Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014.
public struct RandomStream: RandomNumberGenerator, Sendable {
  /// What a stream is for, so that one seed never gives two uses the same numbers.
  public enum Purpose: UInt64, Sendable {
    case general = 0
    case order, augmentation, split, glyphs, mixing, testSplit
  }

  private var state: UInt64

  /// The stream of image `index` in epoch `epoch`.
  public init(seed: UInt64, purpose: Purpose = .general, epoch: Int = 0, index: Int = 0) {
    var key = Self.mix(seed &+ Self.increment)
    key = Self.mix(key ^ purpose.rawValue &* Self.increment)
    key = Self.mix(key ^ UInt64(bitPattern: Int64(epoch)) &* 0xd6e8_feb8_6659_fd93)
    state = Self.mix(key ^ UInt64(bitPattern: Int64(index)) &* 0xa076_1d64_78bd_642f)
  }

  public mutating func next() -> UInt64 {
    state &+= Self.increment
    return Self.mix(state)
  }

  /// A number of [0, 1), of 53 random bits.
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A number between two bounds.
  public mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * uniform() }

  /// An integer of 0..<bound, where bound is far below 2⁶⁴ (multiply-and-shift, bias below bound / 2⁶⁴).
  public mutating func below(_ bound: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(bound)).high) }

  private static let increment: UInt64 = 0x9e37_79b9_7f4a_7c15

  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

extension Array {
  /// Fisher–Yates with a fixed algorithm, since the standard library does not promise to keep its own.
  mutating func shuffle(using random: inout RandomStream) {
    var remaining = count
    while remaining > 1 {
      let chosen = random.below(remaining)
      remaining -= 1
      swapAt(chosen, remaining)
    }
  }
}
