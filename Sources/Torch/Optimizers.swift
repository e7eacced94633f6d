import CTorch

/// One step of fused stochastic gradient descent, as torch.optim.SGD has it.
package struct SGDStep {
  package var learningRate: Double
  package var momentum: Double
  package var weightDecay: Double
  package var nesterov: Bool
  /// Whether the momenta are still empty: the first step stores the gradient itself.
  package var isFirst: Bool

  package init(learningRate: Double, momentum: Double, weightDecay: Double, nesterov: Bool, isFirst: Bool) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.weightDecay = weightDecay
    self.nesterov = nesterov
    self.isFirst = isFirst
  }

  /// Writes into `parameters` and `momenta`; the lists must be laid out alike in memory.
  package func apply(parameters: [Tensor], gradients: [Tensor], momenta: [Tensor]) {
    var how = ct_sgd(
      lr: learningRate, momentum: momentum, weight_decay: weightDecay, nesterov: nesterov, first: isFirst)
    let done = withPointers(parameters) { p, count in
      withPointers(gradients) { g, _ in
        withPointers(momenta) { v, _ in ct_sgd_step(p, g, v, count, &how) }
      }
    }
    if !done { trap() }
  }
}

/// Scales gradients so that the ℓ2 norm of all together is at most `limit`, as torch.nn.utils.clip_grad_norm_ has it:
/// by min(1, limit/(‖g‖ + 10⁻⁶)) (Pascanu, Mikolov & Bengio 2013). Writes into `gradients`.
package func clipNorm(of gradients: [Tensor], to limit: Double) {
  if !withPointers(gradients, { ct_clip_norm($0, $1, limit) }) { trap() }
}

/// One step of fused AdamW, as torch.optim.AdamW has it (Loshchilov & Hutter 2019).
package struct AdamWStep {
  package var learningRate: Double
  /// β₁, of the gradients' average.
  package var momentum: Double
  package var weightDecay: Double
  /// The number of this step, counted from 1.
  package var number: Int

  /// β₂, of the squares' average, and the ε below the root: everybody's.
  static let (beta2, epsilon) = (0.999, 1e-8)

  package init(learningRate: Double, momentum: Double, weightDecay: Double, number: Int) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.weightDecay = weightDecay
    self.number = number
  }

  /// Writes into `parameters`, `averages` and `squares`; the lists must be laid out alike in memory.
  package func apply(parameters: [Tensor], gradients: [Tensor], averages: [Tensor], squares: [Tensor]) {
    var how = ct_adamw(
      lr: learningRate, beta1: momentum, beta2: Self.beta2, weight_decay: weightDecay, epsilon: Self.epsilon,
      step: Int64(number))
    let done = withPointers(parameters) { p, count in
      withPointers(gradients) { g, _ in
        withPointers(averages) { m, _ in withPointers(squares) { v, _ in ct_adamw_step(p, g, m, v, count, &how) } }
      }
    }
    if !done { trap() }
  }
}
