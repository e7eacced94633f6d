/// A training that ended before its last epoch.
public enum TrainingInterruption: Error, CustomStringConvertible, Equatable {
  /// It was asked to stop; everything is saved.
  case stopped(epoch: Int, step: Int)
  /// The loss is not a number, after so many returns to a good state with half the rate too.
  case diverged(step: Int, backOffs: Int, kept: String)
  /// The loss is not a number before a weight has moved, so that no rate can help.
  case neverFinite(step: Int, kept: String)

  public var description: String {
    switch self {
    case .stopped(let epoch, let step):
      "stopped in epoch \(epoch + 1) after step \(step); everything is saved, go on with `resume`"
    case .diverged(let step, 0, let kept):
      "the loss became NaN or infinite at step \(step); \(kept); lower `lr`"
    case .diverged(let step, let backOffs, let kept):
      "the loss became NaN or infinite at step \(step), with \(Self.share(backOffs)) the rate too; \(kept); lower `lr`"
    case .neverFinite(let step, let kept):
      """
      the loss is NaN or infinite at step \(step), where no rate has moved a weight yet; \(kept); check the weights, a \
      teacher's too, and the mean and the standard deviation of the images
      """
    }
  }

  private static func share(_ backOffs: Int) -> String {
    switch backOffs {
    case 1: "half"
    case 2: "a quarter of"
    default: "1/\(1 << backOffs) of"
    }
  }
}
