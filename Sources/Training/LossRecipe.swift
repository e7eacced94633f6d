/// What the training loss is beside the regulariser and the teacher.
public struct LossRecipe: Sendable, Equatable, Codable {
  /// The part of every label that is spread over all classes.
  public var labelSmoothing = 0.0
  /// How much the images of each class weigh; nil weighs all alike.
  public var classWeights: ClassWeights?

  public init() {}
}

extension Recipe {
  func checkLoss() throws {
    try checkPart(\.loss.labelSmoothing)
    try loss.classWeights?.check()
  }
}
