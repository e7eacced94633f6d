/// One picture of a character: strokes under a random affine map, among clutter, with noise.
struct GlyphDrawing {
  typealias Point = GlyphStrokes.Point

  /// Pixels a side.
  static let side = 32

  private var random: RandomStream
  /// Darkness of ink at each pixel, 0 to 1.
  private var ink = [Double](repeating: 0, count: side * side)

  init(random: RandomStream) { self.random = random }

  /// Draws the character and returns 32 × 32 grey levels.
  mutating func draw(_ chains: [[Point]]) -> [UInt8] {
    let width = random.uniform(0.7, 2.0)
    let softness = random.uniform(0.7, 2.6)
    let place = placement()
    for chain in chains { stroke(chain.map { bend(place($0)) }, halfWidth: width, softness: softness) }
    clutter(halfWidth: width, softness: softness)
    return exposed()
  }

  /// A random affine map from the unit square to pixels.
  private mutating func placement() -> (Point) -> Point {
    let height = random.uniform(13, 25)
    let width = height * random.uniform(0.45, 0.95)
    let (cosine, sine) = cosineAndSine(degrees: random.uniform(-22, 22))
    let shear = random.uniform(-0.3, 0.3)
    let (dx, dy) = (random.uniform(-3, 3), random.uniform(-3, 3))
    let middle = Double(Self.side) / 2
    return { point in
      let y = (point.y - 0.5) * height
      let x = (point.x - 0.5) * width + shear * y
      return (middle + dx + cosine * x - sine * y, middle + dy + sine * x + cosine * y)
    }
  }

  /// An unsteady hand.
  private mutating func bend(_ point: Point) -> Point {
    (point.x + random.uniform(-0.7, 0.7), point.y + random.uniform(-0.7, 0.7))
  }

  /// A few strokes that belong to no character.
  private mutating func clutter(halfWidth: Double, softness: Double) {
    let side = Double(Self.side)
    for _ in 0..<random.below(4) {
      let start = (random.uniform(0, side), random.uniform(0, side))
      let (cosine, sine) = cosineAndSine(degrees: random.uniform(0, 360))
      let length = random.uniform(4, 14)
      let end = (start.0 + cosine * length, start.1 + sine * length)
      stroke([start, end], halfWidth: halfWidth * random.uniform(0.4, 1), softness: softness)
    }
  }

  /// Ink within `halfWidth` of the chain, fading over `softness` pixels.
  private mutating func stroke(_ chain: [Point], halfWidth: Double, softness: Double) {
    for (a, b) in zip(chain, chain.dropFirst()) {
      let reach = halfWidth + softness
      let (rows, columns) = (Self.pixels(a.y, b.y, reach), Self.pixels(a.x, b.x, reach))
      let (dx, dy) = (b.x - a.x, b.y - a.y)
      let length = max(dx * dx + dy * dy, 1e-9)
      for y in rows {
        for x in columns {
          let (px, py) = (Double(x) + 0.5 - a.x, Double(y) + 0.5 - a.y)
          let along = min(1, max(0, (px * dx + py * dy) / length))
          let (ex, ey) = (px - along * dx, py - along * dy)
          let distance = (ex * ex + ey * ey).squareRoot()
          let amount = min(1, max(0, 0.5 + (halfWidth - distance) / softness))
          ink[y * Self.side + x] = max(ink[y * Self.side + x], amount)
        }
      }
    }
  }

  /// The pixels between two coordinates and some way beyond, within the picture.
  private static func pixels(_ a: Double, _ b: Double, _ reach: Double) -> Range<Int> {
    let low = max(0, Int((min(a, b) - reach).rounded(.down)))
    let high = min(side, Int((max(a, b) + reach).rounded(.up)))
    return min(low, side)..<max(high, min(low, side))
  }

  /// Ink and paper as grey levels under uneven light, with noise; as often light on dark.
  private mutating func exposed() -> [UInt8] {
    let contrast = random.uniform(30, 150) * (random.next() & 1 == 0 ? 1 : -1)
    let paper = 127.5 - contrast / 2 + random.uniform(-40, 40)
    let (slopeX, slopeY) = (random.uniform(-1.5, 1.5), random.uniform(-1.5, 1.5))
    let noise = random.uniform(4, 22)
    return (0..<Self.side * Self.side).map { index in
      let (x, y) = (Double(index % Self.side) - 15.5, Double(index / Self.side) - 15.5)
      let light = slopeX * x + slopeY * y
      let grain = noise * roughNormal()
      return UInt8(min(255, max(0, paper + contrast * ink[index] + light + grain)).rounded())
    }
  }

  /// Four dice of 16 bits: mean 0, variance 1, near enough to normal for noise.
  private mutating func roughNormal() -> Double {
    let bits = random.next()
    let sum = (0..<4).reduce(0) { $0 + Double(bits >> ($1 * 16) & 0xffff) }
    return (sum / 65_536 - 2) * 1.732
  }
}
