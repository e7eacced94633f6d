/// What the training loss is beside the regulariser and the teacher.
public struct LossRecipe: Sendable, Equatable, Codable {
  /// The part of every label that is spread over all classes.
  public var labelSmoothing = 0.0
  /// How much the images of each class weigh; nil weighs all alike.
  public var classWeights: ClassWeights?
  /// Of images without labels: outputs that score classes along their second axis in the file, or with `NAME=AXIS` along
  /// another; they are learnt as probabilities.
  public var scores: [String]?
  /// The same: how much each output's distance from the original's weighs, as `NAME=2`; 1 where nothing is said.
  public var outputWeights: [String]?

  public init() {}
}

extension Recipe {
  func checkLoss() throws {
    try checkPart(\.loss.labelSmoothing)
    try loss.classWeights?.check()
  }
}
