/// What a network loses against another on the same images: a paired comparison.
public struct AccuracyDrop: Sendable, Codable, Equatable {
  /// Percent of the images that the first classifies correctly and the second does not, less the reverse.
  public var points: Double
  /// What the drop is at most, with a confidence of 95 % on one side.
  public var bound: Double
  public var images: Int

  /// A loss that is known otherwise.
  package init(points: Double, bound: Double, images: Int) {
    (self.points, self.bound, self.images) = (points, bound, images)
  }

  /// The one-sided 95 % quantile of the normal distribution.
  private static let quantile = 1.6449

  /// The drop from one network to another, by which images each classifies correctly.
  ///
  /// With b images that only the first gets right and c that only the second does, the drop is (b − c)/n and its
  /// variance (b + c − (b − c)²/n)/n². For the bound half an image is added to each of the four counts, as Agresti &
  /// Min (2005, "Simple improved confidence intervals for comparing matched proportions") do, so that no difference at
  /// all still has the bound that so few images allow.
  public init(from first: [Bool], to second: [Bool]) {
    precondition(first.count == second.count, "two networks are compared on the same images")
    images = first.count
    let lost = Double(zip(first, second).filter { $0 && !$1 }.count)
    let won = Double(zip(first, second).filter { !$0 && $1 }.count)
    points = 100 * (lost - won) / Double(max(1, images))
    let (n, b, c) = (Double(images + 2), lost + 0.5, won + 0.5)
    let deviation = (b + c - (b - c) * (b - c) / n).squareRoot() / n
    bound = 100 * ((b - c) / n + Self.quantile * deviation)
  }
}
