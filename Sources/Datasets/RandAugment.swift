/// Some operations on every image, drawn from a fixed list, all of one strength (Cubuk et al. 2020, arXiv 1909.13719;
/// torchvision's `RandAugment` with its defaults: 31 strengths, nearest pixels, black from outside).
public struct RandAugment: Sendable, Hashable {
  /// How many operations an image goes through.
  public var operations: Int
  /// The strength, 0 to 30.
  public var magnitude: Int

  /// The largest strength.
  public static let largestMagnitude = 30

  public init(operations: Int, magnitude: Int = 9) {
    self.operations = operations
    self.magnitude = magnitude
  }

  /// The list, in torchvision's order.
  enum Operation: CaseIterable {
    case identity, shearX, shearY, translateX, translateY, rotate, brightness, color, contrast, sharpness, posterize
    case solarize, autocontrast, equalize

    /// Whether half of the draws go the other way.
    var isSigned: Bool {
      switch self {
      case .identity, .posterize, .solarize, .autocontrast, .equalize: false
      default: true
      }
    }

    /// The operation at a strength of 0 to 1 and in a direction of 1 or −1.
    func apply(to image: ImageOperations, strength: Double, sign: Double) {
      // Of the paper's images of 331 pixels it were 150 pixels at most.
      func pixels(_ side: Int) -> Int { Int(sign * strength * 150 / 331 * Double(side)) }
      let factor = 1 + sign * 0.9 * strength
      switch self {
      case .identity: break
      case .shearX: image.shear(x: sign * 0.3 * strength)
      case .shearY: image.shear(y: sign * 0.3 * strength)
      case .translateX: image.translate(x: pixels(image.shape.width))
      case .translateY: image.translate(y: pixels(image.shape.height))
      case .rotate: image.rotate(degrees: sign * 30 * strength)
      case .brightness: image.adjustBrightness(factor)
      case .color: image.adjustSaturation(factor)
      case .contrast: image.adjustContrast(factor)
      case .sharpness: image.adjustSharpness(factor)
      case .posterize: image.posterize(bits: 8 - Int((4 * strength).rounded(.toNearestOrEven)))
      case .solarize: image.solarize(threshold: 255 * (1 - strength))
      case .autocontrast: image.autocontrast()
      case .equalize: image.equalize()
      }
    }
  }

  func apply(to image: ImageOperations, random: inout RandomStream) {
    let strength = Double(magnitude) / Double(Self.largestMagnitude)
    for _ in 0..<operations {
      let operation = Operation.allCases[random.below(Operation.allCases.count)]
      let sign = operation.isSigned && random.next() & 1 == 1 ? -1.0 : 1
      operation.apply(to: image, strength: strength, sign: sign)
    }
  }
}

extension RandAugment: Codable, CustomStringConvertible {
  /// `2,9`, or `2` for the usual strength.
  public init?(_ text: String) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Int($0.drop { $0 == " " }) }
    guard numbers.count == parts.count, 1...2 ~= numbers.count else { return nil }
    self.init(operations: numbers[0])
    if numbers.count == 2 { magnitude = numbers[1] }
  }

  public var description: String { "\(operations),\(magnitude)" }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let value = RandAugment(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "is \(text), expected operations and strength, such as 2,9")
    }
    self = value
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// Brightness, contrast and saturation, each by a factor of 1 − x to 1 + x and in an order that is drawn (torchvision's
/// `ColorJitter(x, x, x)`).
struct ColorJitter {
  let x: Double

  func apply(to image: ImageOperations, random: inout RandomStream) {
    var order = [0, 1, 2]
    order.shuffle(using: &random)
    let factors = order.map { _ in random.uniform(max(0, 1 - x), 1 + x) }
    for place in order {
      switch place {
      case 0: image.adjustBrightness(factors[0])
      case 1: image.adjustContrast(factors[1])
      default: image.adjustSaturation(factors[2])
      }
    }
  }
}
