import Torch

/// What the images of a batch are to be classified as: one class each, or where images were mixed, shares of two.
struct Targets {
  /// One class for each image, int64.
  let labels: Tensor
  /// The classes of the images that were mixed in; nil where none were.
  var mixedIn: Tensor?
  /// λ: the share of `labels`.
  var share = 1.0

  /// The cross-entropy of logits (N×classes): λ·H(labels) + (1 − λ)·H(mixed in), which is that against soft labels,
  /// smoothing and weights included: both labels of all positions are the same ones in another order, and so have the
  /// same sum of weights.
  func crossEntropy(_ logits: Tensor, _ options: TrainingOptions) -> Tensor {
    let weights = options.classWeights.map {
      Tensor($0, shape: [$0.count]).to(logits.dtype).to(logits.device)
    }
    func loss(_ labels: Tensor) -> Tensor {
      logits.crossEntropy(labels: labels, weights: weights, smoothing: options.labelSmoothing)
    }
    guard let mixedIn else { return loss(labels) }
    return loss(labels) * share + loss(mixedIn) * (1 - share)
  }

  /// The class of every image that has the larger share.
  var dominant: Tensor { share >= 0.5 ? labels : mixedIn ?? labels }
}
