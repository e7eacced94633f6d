import Torch

/// Numbers that both sides compute instead of storing them, as Tests/Fixtures/formula.py does.
enum Formula {
  /// FNV-1a in 32 bits.
  static func hash(_ text: String) -> UInt32 {
    text.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
  }

  /// `tensor` of Tests/Fixtures/formula.py, but for the last bit.
  static func tensor(_ name: String, _ shape: [Int]) -> Tensor {
    let start = hash(name)
    let isWeight = shape.count > 1 && name != "input"
    let isScale = name.hasSuffix("weight") || name.hasSuffix("running_var")
    let bound = isWeight ? (6 / Double(shape.dropFirst().reduce(1, *))).squareRoot() : 1
    let range = shape.count > 1 ? -bound...bound : isScale ? 0.5...1.5 : -0.2...0.2
    let values = (0..<shape.reduce(1, *)).map { position -> Float in
      var x = UInt32(truncatingIfNeeded: position) &* 2_654_435_761 &+ start
      for _ in 0..<2 { x = (x ^ x >> 16) &* 0x45D_9F3B }
      x ^= x >> 16
      let fraction = Double(x) / 4_294_967_296
      return Float(range.lowerBound + fraction * (range.upperBound - range.lowerBound))
    }
    return Tensor(values, shape: shape)
  }
}
