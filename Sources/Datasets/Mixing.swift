import Foundation

/// How the images of a training batch are mixed with each other, and their labels with them.
///
/// One mix is drawn for each batch, by the seed, the epoch and the batch's number alone.
public struct Mixing: Sendable, Hashable, Codable {
  /// α of mixup, whose images are λ·x + (1 − λ)·x′ (Zhang et al. 2018, arXiv 1710.09412); nil is none.
  public var mixup: Double?
  /// α of CutMix, whose images have a rectangle of another one (Yun et al. 2019, arXiv 1905.04899); nil is none.
  public var cutmix: Double?

  public init(mixup: Double? = nil, cutmix: Double? = nil) {
    self.mixup = mixup
    self.cutmix = cutmix
  }

  /// The mix of a batch: λ by the Beta distribution of (α, α); where both kinds are wanted, either in half of the
  /// batches. Nil without any.
  public func mix(seed: UInt64, epoch: Int, batch: Int, shape: ImageShape) -> BatchMix? {
    var random = RandomStream(seed: seed, purpose: .mixing, epoch: epoch, index: batch)
    let isFirst = random.next() & 1 == 0
    let usesMixup = cutmix == nil || mixup != nil && isFirst
    guard let alpha = usesMixup ? mixup : cutmix else { return nil }
    let share = random.beta(alpha)
    return usesMixup ? BatchMix(share: share) : BatchMix(cutFrom: shape, share: share, random: &random)
  }
}

/// What a batch is mixed by: every image with the one before it, the first with the last, as torchvision's `MixUp` and
/// `CutMix` do.
public struct BatchMix: Sendable, Equatable {
  /// λ: the share of its own image and label that every position keeps.
  public var share: Double
  /// The rectangle that comes from the image before; nil where images are averaged.
  var box: Box?

  struct Box: Equatable {
    var rows: Range<Int>
    var columns: Range<Int>
  }

  /// Images are averaged.
  init(share: Double) { self.share = share }

  /// A rectangle of 1 − λ of the area around a place that is drawn; λ becomes what it leaves after it is cut off at the
  /// border.
  init(cutFrom shape: ImageShape, share: Double, random: inout RandomStream) {
    let (x, y) = (random.below(shape.width), random.below(shape.height))
    let half = 0.5 * (1 - share).squareRoot()
    let (halfWidth, halfHeight) = (Int(half * Double(shape.width)), Int(half * Double(shape.height)))
    let columns = max(x - halfWidth, 0)..<min(x + halfWidth, shape.width)
    let rows = max(y - halfHeight, 0)..<min(y + halfHeight, shape.height)
    box = Box(rows: rows, columns: columns)
    self.share = 1 - Double(rows.count * columns.count) / Double(shape.width * shape.height)
  }
}

extension Batch {
  /// Mixes the images in place. A batch of one image stays as it is.
  public func mix(_ mix: BatchMix) {
    guard count > 1 else { return }
    let size = shape.count
    withUnsafeTemporaryAllocation(of: Float.self, capacity: size) { last in
      guard let last = last.baseAddress else { return }
      last.update(from: images + (count - 1) * size, count: size)
      // Downwards, so that the image before is still what it was.
      for position in stride(from: count - 1, through: 0, by: -1) {
        let other = position == 0 ? last : images + (position - 1) * size
        blend(images + position * size, other, mix)
      }
    }
  }

  private func blend(_ image: UnsafeMutablePointer<Float>, _ other: UnsafePointer<Float>, _ mix: BatchMix) {
    guard let box = mix.box else {
      let (own, given) = (Float(mix.share), Float(1 - mix.share))
      for index in 0..<shape.count { image[index] = own * image[index] + given * other[index] }
      return
    }
    for row in box.rows {
      let start = (row * shape.width + box.columns.lowerBound) * shape.channels
      (image + start).update(from: other + start, count: box.columns.count * shape.channels)
    }
  }

  /// The labels that the images were mixed with: of each position the one before it.
  public var labelsBefore: [Int64] { (0..<count).map { labels[($0 + count - 1) % count] } }
}

extension RandomStream {
  /// A number by the Beta distribution of (α, α).
  mutating func beta(_ alpha: Double) -> Double {
    // By logarithms, since small α make gamma variates that no number holds.
    let (a, b) = (logGamma(alpha), logGamma(alpha))
    return 1 / (1 + exp(b - a))
  }

  /// The logarithm of a gamma variate (Marsaglia & Tsang 2000), α < 1 by way of α + 1.
  private mutating func logGamma(_ alpha: Double) -> Double {
    guard alpha >= 1 else { return logGamma(alpha + 1) + log(1 - uniform()) / alpha }
    let d = alpha - 1.0 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = normal()
      let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
      guard v > 0 else { continue }
      if log(1 - uniform()) < 0.5 * x * x + d - d * v + d * log(v) { return log(d) + log(v) }
    }
  }

  /// A standard normal number (Box & Muller 1958).
  private mutating func normal() -> Double {
    let radius = (-2 * log(1 - uniform())).squareRoot()
    return radius * cos(2 * .pi * uniform())
  }
}
