import Foundation

/// A training that diverged and went on from its last good state with half the rate, or with half the strength of the
/// regulariser where that is what brought it down.
public struct BackOff: Sendable, Codable, Equatable, CustomStringConvertible {
  public var cause: Cause
  /// The epoch, counted from 1, and the step in which it was noticed.
  public var epoch: Int
  public var step: Int
  /// The epochs that are done in the state that training goes on from.
  public var doneEpochs: Int
  /// The rate from there on, before the schedule's factor.
  public var learningRate: Double
  /// The share of the regulariser's strength from there on; nil where the rate was halved.
  public var strength: Double?
  /// How often that has been halved, this time included.
  public var number: Int

  /// What told that training had diverged.
  public enum Cause: String, Sendable, Codable {
    /// The loss or a weight is NaN or infinite.
    case notFinite
    /// The network guesses, and did much better before.
    case guessing
    /// The same under a regulariser, which takes away more than the network can learn again.
    case collapsed
  }

  /// How often a training may go back.
  static let limit = 3
  /// What the rate, or the strength, is multiplied with each time. A power of two, so that products of it round as
  /// those of the rate do.
  static let factor = 0.5

  public var description: String {
    let what =
      switch cause {
      case .notFinite: "the loss became NaN or infinite in epoch \(epoch)"
      case .guessing: "epoch \(epoch) ended at chance accuracy"
      case .collapsed: "epoch \(epoch) ended at chance accuracy under the regulariser"
      }
    let place = doneEpochs == 0 ? "the start" : "the end of epoch \(doneEpochs)"
    let halved =
      strength.map { String(format: "half its strength, %g of what it was", $0) }
      ?? String(format: "half the rate, %g", learningRate)
    return "\(what); going on from \(place) with \(halved) (\(number) of \(Self.limit))"
  }
}

/// What ends a step or an epoch that has diverged; the trainer goes back to its last good state.
struct Divergence: Error {
  var cause = BackOff.Cause.notFinite
  var step: Int
}

/// Whether a training has come to guessing, by the last quarter of each epoch.
struct Steadiness: Codable {
  /// Images of this epoch's last quarter that were seen, and those of them that were classified rightly.
  private var images = 0
  private var correct = 0
  /// The highest accuracy of an earlier epoch's last quarter, or of the network at the start, in percent.
  private var reached: Double?

  /// Of fewer images an accuracy says too little.
  private static let leastImages = 50
  /// A mean cross-entropy of so many times that of guessing is no state to go back to.
  private static let explodedLoss = 100.0

  init(reached: Double?) { self.reached = reached }

  mutating func add(images: Int, correct: Int) {
    self.images += images
    self.correct += correct
  }

  /// Takes note of an epoch that is kept.
  mutating func endEpoch() {
    if let late { reached = max(reached ?? 0, late) }
    (images, correct) = (0, 0)
  }

  private var late: Double? { images < Self.leastImages ? nil : 100 * Double(correct) / Double(images) }

  /// Whether the network once was more than halfway from guessing to all.
  private func hasLearnt(_ classes: Int) -> Bool {
    let chance = 100 / Double(max(1, classes))
    return (reached ?? 0) > (chance + 100) / 2
  }

  /// Whether the network guesses now, in training as on the images held out, and has learnt before.
  ///
  /// Both are asked: running statistics that lag behind make a good training look bad on the images held out.
  ///
  /// - Parameter hasLearnt: whether it is known to have learnt, if less than halfway.
  func isGuessing(_ validation: Accuracy?, classes: Int, hasLearnt: Bool = false) -> Bool {
    guard hasLearnt || self.hasLearnt(classes), let late, Alarm.isGuess(top1: late, classes: classes) else {
      return false
    }
    return validation?.top1.map { Alarm.isGuess(top1: $0, classes: classes) } ?? true
  }

  /// Whether the state at the end of an epoch is one to go back to, should the next epoch diverge.
  func isGood(_ accuracy: Accuracy, classes: Int) -> Bool {
    guard accuracy.loss <= Self.explodedLoss * log(Double(max(2, classes))) else { return false }
    guard let top1 = accuracy.top1 else { return true }
    return !(hasLearnt(classes) && Alarm.isGuess(top1: top1, classes: classes))
  }
}
