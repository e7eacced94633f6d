/// The pen strokes of the characters 0-9A-Z, drawn for this program: in a unit square, x to the right and y down.
///
/// Look-alikes differ as on number plates: zero is slashed, I has serifs and one a flag.
struct GlyphStrokes {
  typealias Point = (x: Double, y: Double)

  /// The characters in label order.
  static let characters = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")

  /// The strokes of each character as chains of points, in label order.
  let chains: [[[Point]]]

  init() { chains = Self.characters.map { Self.strokes(of: $0).map(\.points) } }

  private enum Stroke {
    /// A chain of x, y pairs.
    case line([Double])
    /// Part of an ellipse, from one angle to another in degrees, clockwise from the right.
    case arc(_ x: Double, _ y: Double, _ rx: Double, _ ry: Double, _ from: Double, _ to: Double)

    var points: [Point] {
      switch self {
      case .line(let values): return stride(from: 0, to: values.count, by: 2).map { (values[$0], values[$0 + 1]) }
      case .arc(let x, let y, let rx, let ry, let from, let to):
        let pieces = max(3, Int(abs(to - from) / 24))
        return (0...pieces).map { piece in
          let angle = from + (to - from) * Double(piece) / Double(pieces)
          let (cosine, sine) = cosineAndSine(degrees: angle)
          return (x + rx * cosine, y + ry * sine)
        }
      }
    }
  }

  private static func strokes(of character: Character) -> [Stroke] {
    switch character {
    case "0": [.arc(0.5, 0.5, 0.5, 0.5, 0, 360), .line([0.82, 0.14, 0.18, 0.86])]
    case "1": [.line([0.2, 0.24, 0.55, 0, 0.55, 1])]
    case "2": [.arc(0.5, 0.29, 0.45, 0.29, 185, 395), .line([0.87, 0.46, 0.05, 1, 0.97, 1])]
    case "3": [.arc(0.45, 0.26, 0.45, 0.26, 205, 450), .arc(0.45, 0.76, 0.5, 0.24, 270, 515)]
    case "4": [.line([0.7, 1, 0.7, 0, 0, 0.7, 1, 0.7])]
    case "5": [.line([0.9, 0, 0.15, 0, 0.1, 0.46]), .arc(0.45, 0.69, 0.5, 0.31, 225, 510)]
    case "6": [.arc(0.5, 0.68, 0.45, 0.32, 0, 360), .arc(0.8, 0.68, 0.75, 0.68, 180, 270)]
    case "7": [.line([0, 0, 1, 0, 0.35, 1])]
    case "8": [.arc(0.5, 0.25, 0.4, 0.25, 0, 360), .arc(0.5, 0.75, 0.48, 0.25, 0, 360)]
    case "9": [.arc(0.5, 0.32, 0.45, 0.32, 0, 360), .arc(0.2, 0.32, 0.75, 0.68, 0, 90)]
    default: letter(character)
    }
  }

  private static func letter(_ character: Character) -> [Stroke] {
    switch character {
    case "A": [.line([0, 1, 0.5, 0, 1, 1]), .line([0.2, 0.64, 0.8, 0.64])]
    case "B":
      [
        .line([0.5, 0, 0.05, 0, 0.05, 1, 0.5, 1]), .line([0.05, 0.49, 0.5, 0.49]),
        .arc(0.5, 0.245, 0.4, 0.245, -90, 90), .arc(0.5, 0.745, 0.45, 0.255, -90, 90),
      ]
    case "C": [.arc(0.55, 0.5, 0.53, 0.5, 45, 315)]
    case "D": [.line([0.4, 0, 0.05, 0, 0.05, 1, 0.4, 1]), .arc(0.4, 0.5, 0.57, 0.5, -90, 90)]
    case "E": [.line([0.95, 0, 0.05, 0, 0.05, 1, 0.95, 1]), .line([0.05, 0.49, 0.8, 0.49])]
    case "F": [.line([0.95, 0, 0.05, 0, 0.05, 1]), .line([0.05, 0.48, 0.78, 0.48])]
    case "G": [.arc(0.53, 0.5, 0.5, 0.5, 0, 310), .line([0.6, 0.5, 1.03, 0.5])]
    case "H": [.line([0.05, 0, 0.05, 1]), .line([0.95, 0, 0.95, 1]), .line([0.05, 0.5, 0.95, 0.5])]
    case "I": [.line([0.5, 0, 0.5, 1]), .line([0.2, 0, 0.8, 0]), .line([0.2, 1, 0.8, 1])]
    case "J": [.line([0.45, 0, 0.82, 0, 0.82, 0.68]), .arc(0.45, 0.68, 0.37, 0.32, 0, 170)]
    case "K": [.line([0.05, 0, 0.05, 1]), .line([0.95, 0, 0.05, 0.58]), .line([0.38, 0.37, 0.97, 1])]
    case "L": [.line([0.1, 0, 0.1, 1, 0.95, 1])]
    case "M": [.line([0, 1, 0.02, 0, 0.5, 0.62, 0.98, 0, 1, 1])]
    case "N": [.line([0.05, 1, 0.05, 0, 0.95, 1, 0.95, 0])]
    case "O": [.arc(0.5, 0.5, 0.52, 0.5, 0, 360)]
    case "P":
      [.line([0.05, 1, 0.05, 0, 0.5, 0]), .line([0.05, 0.55, 0.5, 0.55]), .arc(0.5, 0.275, 0.45, 0.275, -90, 90)]
    case "Q": [.arc(0.5, 0.5, 0.52, 0.5, 0, 360), .line([0.58, 0.66, 1, 1.04])]
    case "R":
      [
        .line([0.05, 1, 0.05, 0, 0.5, 0]), .line([0.05, 0.53, 0.5, 0.53, 0.97, 1]),
        .arc(0.5, 0.265, 0.43, 0.265, -90, 90),
      ]
    case "S": [.arc(0.5, 0.26, 0.43, 0.26, -25, -270), .arc(0.5, 0.76, 0.46, 0.24, -90, 155)]
    case "T": [.line([0, 0, 1, 0]), .line([0.5, 0, 0.5, 1])]
    case "U": [.line([0.05, 0, 0.05, 0.6]), .arc(0.5, 0.6, 0.45, 0.4, 180, 0), .line([0.95, 0.6, 0.95, 0])]
    case "V": [.line([0, 0, 0.5, 1, 1, 0])]
    case "W": [.line([0, 0, 0.25, 1, 0.5, 0.3, 0.75, 1, 1, 0])]
    case "X": [.line([0, 0, 1, 1]), .line([1, 0, 0, 1])]
    case "Y": [.line([0, 0, 0.5, 0.5, 1, 0]), .line([0.5, 0.5, 0.5, 1])]
    default: [.line([0, 0, 1, 0, 0, 1, 1, 1])]
    }
  }
}

/// Cosine and sine from additions and products alone: a library's differ in the last bit between machines.
func cosineAndSine(degrees: Double) -> (Double, Double) {
  // Into ±45 degrees and a number of quarter turns, then Taylor's series, exact to 1e-13 there.
  let quarters = (degrees / 90).rounded()
  let x = (degrees - 90 * quarters) * (Double.pi / 180)
  var (cosine, sine, term) = (0.0, 0.0, 1.0)
  for order in 0..<14 {
    let sign: Double = order % 4 < 2 ? 1 : -1
    if order % 2 == 0 { cosine += sign * term } else { sine += sign * term }
    term = term * x / Double(order + 1)
  }
  switch Int(quarters) & 3 {
  case 0: return (cosine, sine)
  case 1: return (-sine, cosine)
  case 2: return (-cosine, -sine)
  default: return (sine, -cosine)
  }
}
