import Datasets

/// How training images are varied, in every training of the run; see `Augmentation`.
public struct AugmentationRecipe: Sendable, Equatable, Codable {
  /// What a random crop takes, and whether images are mirrored; nil is what suits the data set.
  public var crop: RandomCrop?
  /// The least share of an image's area that resized crops take.
  public var cropArea = Crop.leastArea
  public var flip: Bool?
  /// x of brightness, contrast and saturation, each changed by 1 − x to 1 + x; 0 leaves them.
  public var colorJitter = 0.0
  /// Operations and their strength; none with 0 operations.
  public var randAugment: RandAugment?
  /// The share of the images out of which a rectangle is erased.
  public var randomErasing = 0.0
  /// α of mixup and of CutMix; 0 is none.
  public var mixup = 0.0
  public var cutmix = 0.0

  public init() {}

  /// Changes what suits the data set to what is asked for.
  package func apply(to augmentation: inout Augmentation) {
    switch crop {
    case .padded(0): augmentation.crop = .center
    case .padded(let padding): augmentation.crop = .padded(padding)
    case .resized: augmentation.crop = .resized(area: cropArea...1)
    case nil: break
    }
    if let flip { augmentation.flips = flip }
    (augmentation.colorJitter, augmentation.randomErasing) = (colorJitter, randomErasing)
    augmentation.randAugment = randAugment.flatMap { $0.operations > 0 ? $0 : nil }
    augmentation.mixing = Mixing(mixup: mixup > 0 ? mixup : nil, cutmix: cutmix > 0 ? cutmix : nil)
  }
}

/// What a random crop takes, as a recipe says it: a number of pixels, or `resized`.
public enum RandomCrop: Sendable, Hashable, Codable, CustomStringConvertible {
  /// A window of the image's size after padding with so many pixels.
  case padded(Int)
  /// A part of the image, resized to its size.
  case resized

  public init?(_ text: String) {
    if text == "resized" {
      self = .resized
    } else if let pixels = Int(text) {
      self = .padded(pixels)
    } else {
      return nil
    }
  }

  public var description: String {
    switch self {
    case .padded(let pixels): "\(pixels)"
    case .resized: "resized"
    }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let crop = RandomCrop(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "is \(text), expected a number of pixels, or resized")
    }
    self = crop
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .padded(let pixels): try container.encode(pixels)
    case .resized: try container.encode(description)
    }
  }
}

extension Recipe {
  func checkAugmentation() throws {
    let augmentation = augmentation
    if case .padded(let pixels) = augmentation.crop {
      try check(\.augmentation.crop, (0...1024).contains(pixels), "0 to 1024 pixels, or resized")
    }
    try checkFraction(\.augmentation.cropArea)
    try check(
      \.augmentation.cropArea, augmentation.cropArea == Crop.leastArea || augmentation.crop == .resized,
      "`crop` resized with it")
    try checkAmount(\.augmentation.colorJitter)
    if let operations = augmentation.randAugment {
      let strengths = 0...RandAugment.largestMagnitude
      try check(
        \.augmentation.randAugment,
        (0...16).contains(operations.operations) && strengths.contains(operations.magnitude),
        "0 to 16 operations, and 0 to \(RandAugment.largestMagnitude) for their strength, such as 2,9")
    }
    try check(
      \.augmentation.randomErasing, (0...1).contains(augmentation.randomErasing), "0 to 1, such as 0.25")
    try checkAmount(\.augmentation.mixup)
    try checkAmount(\.augmentation.cutmix)
  }
}
