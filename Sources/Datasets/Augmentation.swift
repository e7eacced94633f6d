/// How the part of an image that a network sees is chosen in training.
public enum Crop: Sendable, Hashable, Codable {
  /// The whole image, or the middle of one of natural size: what evaluation sees.
  case center
  /// A random window of the image's own size after padding with this many zero pixels (torchvision's `RandomCrop`).
  case padded(Int)
  /// A random window of an image of natural size whose shorter side was resized.
  case random
  /// A random part of an image, resized (torchvision's `RandomResizedCrop`).
  case resized(area: ClosedRange<Double> = Crop.leastArea...1, aspect: ClosedRange<Double> = 3.0 / 4...4.0 / 3)

  /// The least share of an image's area that a resized part has by torchvision's default.
  public static let leastArea = 0.08
}

/// How training images are varied.
///
/// Every choice is a function of the seed, the epoch and the image's index alone, so a resumed run sees the same; what
/// mixes the images of a batch goes by the batch's number. The order is torchvision's: crop, flip, colour jitter,
/// RandAugment, normalisation, erasing.
public struct Augmentation: Sendable, Hashable, Codable {
  public var crop: Crop
  /// Whether half of the images are mirrored left to right.
  public var flips: Bool
  /// x of brightness, contrast and saturation, each changed by a factor of 1 − x to 1 + x; 0 leaves them.
  public var colorJitter = 0.0
  public var randAugment: RandAugment?
  /// The share of the images out of which a rectangle is erased, after normalisation.
  public var randomErasing = 0.0
  /// How the images of a batch are mixed with each other.
  public var mixing = Mixing()

  public init(crop: Crop = .center, flips: Bool = false) {
    self.crop = crop
    self.flips = flips
  }

  /// Images as they are: what evaluation sees.
  public static let none = Augmentation()

  /// Only what leaves an image a photograph of its kind: for measuring what a network's layers read.
  public var withoutDistortion: Augmentation { Augmentation(crop: crop, flips: flips) }

  /// Whether bytes change otherwise than by moving and mirroring.
  var changesBytes: Bool { colorJitter > 0 || randAugment != nil }

  /// Colour jitter and RandAugment.
  func apply(to image: ImageOperations, random: inout RandomStream) {
    if colorJitter > 0 { ColorJitter(x: colorJitter).apply(to: image, random: &random) }
    randAugment?.apply(to: image, random: &random)
  }
}
