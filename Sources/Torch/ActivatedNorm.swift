import CTorch

extension Tensor {
  /// relu(γ·(x − μ)/√(σ² + ε) + β + residual), or the largest value of each window of it, in as few passes over memory
  /// as it takes.
  ///
  /// Float32 and bfloat16 images on the CPU, channels last, run in loops of the shim's own where kernels are in force,
  /// all else in libtorch's.
  package struct ActivatedNorm {
    package var scale: Tensor?
    package var shift: Tensor?
    package var mean: Tensor
    package var variance: Tensor
    package var momentum: Double
    package var epsilon: Double
    /// Height and width of windows side by side, as the kernel of a max pooling whose stride it is; 1×1 for none.
    package var window: [Int]

    package init(
      scale: Tensor?, shift: Tensor?, mean: Tensor, variance: Tensor, momentum: Double, epsilon: Double,
      window: [Int] = [1, 1]
    ) {
      (self.scale, self.shift, self.mean, self.variance) = (scale, shift, mean, variance)
      (self.momentum, self.epsilon, self.window) = (momentum, epsilon, window)
    }

    /// With the given statistics.
    package func evaluated(_ x: Tensor, adding residual: Tensor?) -> Tensor {
      run(x, residual, mean, variance, training: false)
    }

    /// With the batch's own statistics, and the running statistics moved towards them.
    package func trained(_ x: Tensor, adding residual: Tensor?) -> (output: Tensor, mean: Tensor, variance: Tensor) {
      let (newMean, newVariance) = (mean.clone, variance.clone)
      return (run(x, residual, newMean, newVariance, training: true), newMean, newVariance)
    }

    private func run(
      _ x: Tensor, _ residual: Tensor?, _ mean: Tensor, _ variance: Tensor, training: Bool
    ) -> Tensor {
      var how = ct_norm(momentum: momentum, epsilon: epsilon, training: training, relu: true, pool: pair(window))
      return withExtendedLifetime((scale, shift, mean, variance, residual)) {
        calling(x) { x in
          ct_fused_norm(
            x, scale?.storage.pointer, shift?.storage.pointer, mean.storage.pointer, variance.storage.pointer,
            residual?.storage.pointer, &how)
        }
      }
    }
  }
}
