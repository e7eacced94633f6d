import Compaction
import Foundation
import Networks

/// The size that a training for compression is to arrive at; the strength of the regulariser follows from it.
public struct SizeTarget: Sendable, Codable, Equatable {
  /// What is to stay.
  public var fractions: Target.Fractions
  /// The share of every spectrum's energy at which the size is predicted.
  public var energy: Double
  public var measure: EnergyMeasure
  /// Which units the plan will take, and its floors; see `PlanSettings`.
  public var units: RemovableUnits
  public var minimumRank: Int
  public var minimumUnits: Int
  /// Names of layers that stay as they are; see `Compressor`.
  public var skip: [String]?

  public init(
    _ fractions: Target.Fractions, energy: Double, measure: EnergyMeasure = .sum, units: RemovableUnits = .weakest,
    minimumRank: Int = 1, minimumUnits: Int = 1, skip: [String]? = nil
  ) {
    self.fractions = fractions
    self.energy = energy
    self.measure = measure
    self.units = units
    self.minimumRank = minimumRank
    self.minimumUnits = minimumUnits
    self.skip = skip
  }

  /// The share of `whole` that a plan would keep of `network` at that energy, as it is now; see `Target.Fractions`.
  ///
  /// - Throws: `NetworkError`, or `TorchError` when a weight is not finite.
  func predicted(for network: Network, of whole: Cost) throws -> Double {
    let settings = PlanSettings(
      target: .energy(energy), measure: measure, minimumRank: minimumRank, minimumUnits: minimumUnits)
    let plan = try Compressor(settings, skip: skip).plan(for: network, unitShare: units.share(atEnergy: energy))
    return fractions.share(plan.predicted, of: whole)
  }
}

/// Moves the strength so that the predicted size follows a schedule from where training starts to the target.
///
/// The size is the target, the coefficient follows: log(size) is to fall in a straight line and to arrive after
/// `arrival` of the training. Singular values of like size vanish together and late, so the controller goes by the
/// size that is to be expected a few evaluations ahead if it falls on as it did since the last: above the schedule the
/// strength rises slowly, below it falls quickly, and it rests where the target would be undercut. Sizes must be read
/// right after a proximal step: ranks grow again between two, and a controller that sees them grown raises the strength
/// without end.
public struct StrengthController: Sendable, Codable, Equatable {
  /// The share of the network that is to stay.
  public let target: Double
  /// The predicted size at the first evaluation.
  public private(set) var start: Double?
  /// The predicted size at the last evaluation.
  public private(set) var size: Double?
  /// The factor on the strengths of the regulariser.
  public private(set) var factor = 1.0
  /// Whether the target is met or about to be, so that next to nothing is thresholded.
  public private(set) var rests = false

  /// The share of the training after which the size is to be reached; the rest is for settling there.
  static let arrival = 0.85
  /// Evaluations that are thought ahead.
  static let foresight = 4.0
  static let bounds = 0.1...3.0
  /// The factor's change for a size above and below the schedule: (size/scheduled)^gain, at most by `limit`.
  static let rise = (gain: 0.25, limit: 1.15)
  static let fall = (gain: 1.0, limit: 2.0)

  public init(target: Double) { self.target = target }

  private enum CodingKeys: String, CodingKey {
    case target = "wished"
    case start, size, factor, rests
  }

  /// What of the factor is left while the controller rests: enough for ranks not to grow again unseen.
  static let resting = 0.05

  /// What the regulariser's strengths are to be multiplied with now.
  public var strength: Double { rests ? Self.resting * factor : factor }

  /// The size that is due after `progress`, 0…1, of the training.
  public func scheduled(at progress: Double) -> Double {
    let start = max(start ?? 1, target)
    return start * pow(target / start, min(1, progress / Self.arrival))
  }

  /// Takes note of the predicted size.
  public mutating func observe(_ size: Double, at progress: Double) {
    if start == nil { start = size }
    let trend = min(1, size / (self.size ?? size))
    let expected = size * pow(trend, Self.foresight)
    self.size = size
    rests = expected <= target
    let ratio = expected / scheduled(at: progress)
    let (gain, limit) = ratio > 1 ? Self.rise : Self.fall
    let change = min(limit, max(1 / limit, pow(ratio, gain)))
    factor = min(Self.bounds.upperBound, max(Self.bounds.lowerBound, factor * change))
  }
}
