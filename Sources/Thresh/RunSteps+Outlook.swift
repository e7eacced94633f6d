import Datasets
import Interchange
import Networks
import Training

/// What is to come of a run, as far as images go through it.
extension RunSteps {
  /// The epochs of a training.
  func epochsExpected(_ title: String, _ options: TrainingOptions, on data: Dataset) -> [Outlook.Part] {
    let weight = Outlook.weight(ofStepsWith: options.distillation != nil || original != nil)
    return Outlook.epochs(title, options.epochs, images: data.train.count, weight)
  }

  /// What a compression is made of that images go through, the fine-tuning behind it included.
  func expected(for model: Model, on data: Dataset) -> [Outlook.Part] {
    let (held, images) = (data.selection.count, data.train.count)
    var parts: [Outlook.Part] = []
    if data.hasLabels { parts.append(Outlook.Part("evaluating the dense network", images: held)) }
    if recipe.activationImages > 0 {
      parts.append(Outlook.Part("measuring activations", images: min(recipe.activationImages, images), weight: 3))
    }
    parts.append(Outlook.Part("evaluating the compact network", images: held))
    if model.network.nodes.contains(where: \.keepsStatistics) {
      let sample = StatisticsSample(of: data.shape).images(of: images)
      parts.append(Outlook.Part("re-estimating batch norm", images: sample, weight: 2))
      parts.append(Outlook.Part("evaluating the recalibrated network", images: held))
    }
    return parts + finetuningExpected(on: data)
  }

  /// The epochs of the fine-tuning that follows.
  func finetuningExpected(on data: Dataset) -> [Outlook.Part] {
    let weight = Outlook.weight(ofStepsWith: recipe.distillation.weight ?? 0 > 0 || original != nil)
    return Outlook.epochs("fine-tune", recipe.finetuning.epochs, images: data.train.count, weight)
  }
}
