import Compaction
import Interchange
import Training

/// What a model is trained for.
public enum TrainingTask: Sendable {
  /// Training by a recipe, whose names of model and data are not used; with epochs for fine-tuning it compresses after
  /// training.
  case training(Recipe, teacher: Model? = nil)
  /// Training of a network that was made compact, without a regulariser.
  case tuning(Recipe, teacher: Model? = nil)

  /// Ordinary training, without a regulariser.
  public static func ordinary(epochs: Int) -> TrainingTask {
    var recipe = Recipe()
    recipe.training.epochs = epochs
    recipe.regularizer = .off
    return .training(recipe)
  }

  /// Training for compression: the first half of the epochs with nuclear norm and group lasso, then the cut to `goal`,
  /// and the rest with the compact network.
  ///
  /// - Parameter epochs: in all, 2 or more.
  public static func compressing(to goal: Target, epochs: Int) -> TrainingTask {
    var recipe = Recipe()
    recipe.compression.target = goal
    recipe.training.epochs = max(1, epochs / 2)
    recipe.finetuning.epochs = max(1, epochs - recipe.training.epochs)
    return .training(recipe)
  }

  /// Training of a compact network on, its weight decay a tenth of the usual.
  ///
  /// - Parameters:
  ///   - rate: the learning rate at the start; it falls as a cosine. Nil is 0.02 for batches of 128, less where there
  ///     are too few images for these; see `Defaults`.
  ///   - teacher: the network before it was cut; its outputs make up 0.7 of the loss.
  public static func finetuning(epochs: Int, rate: Double? = nil, teacher: Model? = nil) -> TrainingTask {
    var recipe = Recipe()
    recipe.regularizer = .off
    (recipe.training.lr, recipe.finetuning.epochs) = (rate, epochs)
    if teacher != nil { recipe.distillation.weight = Defaults.distillation }
    return .tuning(recipe, teacher: teacher)
  }
}
