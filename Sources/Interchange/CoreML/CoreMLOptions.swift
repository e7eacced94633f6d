/// In which numbers a package of Core ML computes and keeps its weights.
public struct CoreMLOptions: Sendable, Equatable {
  public enum Precision: String, Sendable, CaseIterable { case float16, float32 }

  /// Of the values between the operations, and of weights that are not int8.
  ///
  /// The Neural Engine computes in float16 only.
  public var precision: Precision
  /// Whether the weights of large layers are stored as int8, with one scale for each unit; packages then need iOS 16.
  public var int8Weights: Bool

  public init(precision: Precision = .float16, int8Weights: Bool = false) {
    self.precision = precision
    self.int8Weights = int8Weights
  }
}
