// Batch norm with the addition, the ReLU and the max pooling behind it, forward and backward.
//
// T is float or, for bfloat16, uint16_t. Elements of all images together fill whole vectors of sixteen.
#pragma once
#include <vector>

#include "images.h"
#include "parallel.h"

namespace ck {
/// Of a batch, by channel; the variance is the biased one.
struct Statistics {
  std::vector<double> mean, variance;
};

/// γ, β, μ, σ² and ε.
struct BatchNorm {
  const float *weight, *bias;
  const Statistics &statistics;
  double epsilon;
};

template <class T>
Statistics batch_statistics(const Images<const T> &x, const Parallel &parallel);

/// y = relu(γ·(x − μ)/√(σ² + ε) + β + z); `z` may be null, the ReLU left out.
template <class T>
void batch_norm(const Images<const T> &x, const BatchNorm &norm, const T *z, bool relu, T *y, const Parallel &parallel);

/// The value of each window side by side for which γ·x is largest, which is where the norm's largest comes from; there
/// are at least sixteen channels.
template <class T>
void max_pool(const Images<const T> &x, const float *weight, const Images<T> &largest, const Parallel &parallel);

/// Where the gradient passes the ReLU: everywhere; where γ·(x − μ)/√(σ² + ε) + β, which is computed again, is positive;
/// where the result is.
enum class Mask { none, input, output };

/// What the gradients are computed from: that of the result, and what the forward pass read and made.
template <class T>
struct BatchNormRun {
  const T *g;
  Images<const T> x;
  Mask mask;
  /// The result, with the mask `output`.
  const T *y = nullptr;
  /// What `max_pool` made, with no data where there is no pooling.
  Images<const T> largest = {};
};

/// Where gradients go.
template <class T>
struct BatchNormGradients {
  T *x;
  float *weight, *bias;
  /// Of what was added, with the mask `output`; with any other it is `g`, and this is not written to.
  T *z;
};

template <class T>
void batch_norm_backward(const BatchNormRun<T> &run, const BatchNorm &norm, const BatchNormGradients<T> &into,
                         const Parallel &parallel);
}  // namespace ck
