import Foundation

/// What a network reaches on a set of images.
///
/// With labels that is how many images it classifies correctly; without, how near its outputs are to those of the
/// network that it was made of.
public struct Accuracy: Sendable, Codable, Equatable {
  /// Percent of the images whose largest logit is the label's; nil for images without labels.
  public var top1: Double?
  /// Mean cross-entropy; without labels the mean distance of the outputs (`Imitation`).
  public var loss: Double
  public var images: Int
  /// How far each output is from the original's; nil for images with labels.
  public var outputs: [OutputError]?

  public init(top1: Double?, loss: Double, images: Int, outputs: [OutputError]? = nil) {
    self.top1 = top1
    self.loss = loss
    self.images = images
    self.outputs = outputs
  }

  /// The largest relative error of an output; nil for images with labels.
  public var relativeError: Double? { outputs?.compactMap(\.relativeError).max() }

  /// More images right, or as many at a lower loss.
  func isBetter(than other: Accuracy) -> Bool { (top1 ?? 0, -loss) > (other.top1 ?? 0, -other.loss) }

  /// Fewer images right; without labels a larger distance.
  package func isWorse(than other: Accuracy) -> Bool {
    guard let top1, let others = other.top1 else { return loss > other.loss }
    return top1 < others
  }

  /// What the network with the highest is kept by.
  var score: Double { top1 ?? -loss }
}

/// How far one output of a network is from the same output of another, over some images.
public struct OutputError: Sendable, Codable, Equatable {
  /// Nil where the network has one output, without a name.
  public var name: String?
  /// ‖y − y*‖ / ‖y* − ȳ‖, with the mean of every element over the images for ȳ: 0 where they are equal, 1 for what the
  /// mean alone would give. Nil where y* is the same for all images.
  public var relativeError: Double?
  /// Percent of the places where the same class has the highest score; nil where the output scores no classes.
  public var agreement: Double?

  public init(name: String?, relativeError: Double?, agreement: Double? = nil) {
    self.name = name
    self.relativeError = relativeError
    self.agreement = agreement
  }

  /// 20·log₁₀ of what is right by what is wrong, in decibels; nil where there is no error, or nothing to be right.
  public var signalToNoise: Double? {
    guard let relativeError, relativeError > 0 else { return nil }
    return -20 * log10(relativeError)
  }
}
