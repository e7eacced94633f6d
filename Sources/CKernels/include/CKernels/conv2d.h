// Convolutions of few channels: forward and backward for training, and chains of them for inference.
#pragma once
#include <span>
#include <vector>

#include "images.h"
#include "parallel.h"

namespace ck {
struct Conv2dOptions {
  int64_t stride[2], padding[2], dilation[2];
};

/// A weight of float32, of which an element lies at Σ index · stride.
struct Weight {
  const float *data;
  Sizes sizes, strides;
};

/// The sizes of the result for images and a weight of these sizes. Throws std::invalid_argument where channels differ.
Sizes conv2d_sizes(const Sizes &x, const Sizes &weight, const Conv2dOptions &options);

// MARK: Training (conv2d_training.cpp), with AVX-512, of T = uint16_t where it multiplies bfloat16

/// y = x ∗ weight + bias; `bias` may be null.
template <class T>
void conv2d(const Images<const T> &x, const Weight &weight, const float *bias, const Conv2dOptions &options, T *y,
            const Parallel &parallel);

/// How partial sums of a weight's gradient lie in memory: partial × kernel height × kernel width × singles × lanes.
/// Channels are in the lanes and units the singles, or the other way round; lanes are padded to whole vectors.
struct WeightGradientLayout {
  int64_t partials, singles, lanes;
  bool channels_in_lanes;
};
/// Depends on the sizes alone, so that results do not depend on the number of threads.
WeightGradientLayout weight_gradient_layout(const Sizes &x, const Sizes &weight, int64_t bytes_of_element);

/// The gradients of the images, from `g`, that of the result, and of the weight in float32.
///
/// - Parameters:
///   - dx: null where it is not wanted.
///   - partials: zeros laid out as `weight_gradient_layout` says, to which is added; the gradient is the sum over the
///     first axis. Null where it is not wanted.
template <class T>
void conv2d_backward(const Images<const T> &x, const Weight &weight, const T *g, const Conv2dOptions &options, T *dx,
                     float *partials, const Parallel &parallel);

// MARK: Inference (conv2d_chain.cpp), in float32, with any kernels

/// Elements of a weight of these sizes as `pack` arranges it.
int64_t packed_count(const Sizes &weight);
/// A weight with its bias, which may be null, in the order that a chain reads; `into` holds zeros.
void pack(const Weight &weight, const float *bias, float *into);

/// A packed weight, the sizes that it had, and how it is used.
struct PackedConv2d {
  const float *weight;
  Sizes sizes;
  Conv2dOptions options;
};

/// relu(own(first(input)) + addend); the first convolution, the addend and the ReLU may be left out.
struct Conv2dStep {
  PackedConv2d own;
  /// Null where there is one convolution only.
  const PackedConv2d *first;
  bool relu;
  /// What it reads, and what is added or -1: one of the chain's inputs or, counted on from them, an earlier step's
  /// result.
  int64_t input, addend;
};

/// Convolutions that run one after another in one go of the threads, of which the last makes the result.
class Conv2dChain {
 public:
  /// - Parameter inputs: the sizes of what is read from outside.
  ///
  /// Throws std::invalid_argument where an addend does not have the shape of the result.
  Conv2dChain(std::span<const Sizes> inputs, std::span<const Conv2dStep> steps);
  ~Conv2dChain();

  /// The sizes of the result.
  Sizes sizes() const;
  /// Elements of memory for what steps hand on.
  int64_t workspace() const { return workspace_; }
  /// - Parameter finished: if not null, called by one thread with `context` whenever a step is done.
  void run(std::span<const float *const> inputs, float *workspace, float *y, const Parallel &parallel,
           void (*finished)(void *context, int32_t step), void *context);

 private:
  struct Step;
  std::vector<Step> steps_;
  int64_t inputs_, workspace_ = 0;
};
}  // namespace ck
