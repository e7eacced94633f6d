// How images are cut into what threads do one at a time.
#pragma once
#include <algorithm>
#include <numeric>
#include <vector>

#include "CKernels/batch_norm.h"
#include "loops.h"

namespace ck::batch_norm_loops {
/// Elements of a block, about: 16 kB of float32, which stay in the first cache.
constexpr int64_t block_size = 4096;

/// How the rows of images in memory are cut into blocks. The cut depends on the shape alone, and what blocks give is
/// put together in their order, so results do not depend on the number of threads.
struct Blocks {
  int64_t channels, vectors, period, per_block, blocks, rows;

  explicit Blocks(const Sizes &x) {
    channels = x[1];
    vectors = ck::count(x) / simd::width;
    rows = ck::count(x) / channels;
    period = channels / std::gcd(channels, simd::width);
    per_block = period * std::max<int64_t>(4, block_size / (simd::width * period));
    blocks = (vectors + per_block - 1) / per_block;
  }

  int64_t lanes() const { return period * simd::width; }
  int64_t offset(int64_t block) const { return block * per_block * simd::width; }
  Block block(int64_t index) const { return {std::min(per_block, vectors - index * per_block), period}; }
  /// Rows of the image memory in a block: blocks start where rows do.
  int64_t rows_of(int64_t index) const { return block(index).count * simd::width / channels; }

  template <class Body>
  void each(const Parallel &parallel, Body body) const {
    parallel_for(parallel, blocks, /*grain=*/4, body);
  }

  std::vector<float> spread(const std::vector<double> &values) const {
    std::vector<float> all(lanes());
    for (int64_t i = 0; i < lanes(); i++) all[i] = static_cast<float>(values[i % channels]);
    return all;
  }
  void fold(const float *sums, float *out) const {
    std::fill_n(out, channels, 0.0f);
    for (int64_t i = 0, c = 0; i < lanes(); i++, c = c + 1 == channels ? 0 : c + 1) out[c] += sums[i];
  }
};

/// The windows of a batch, a row of them after another: from the images to the largest values and back.
struct Pooling {
  Windows windows;
  int64_t lines;

  Pooling(const Sizes &x, const Sizes &largest)
      : windows{largest[3], x[1], {x[2] / largest[2], x[3] / largest[3]}}, lines(largest[0] * largest[2]) {}

  int64_t of_image() const { return windows.kernel[0] * windows.row(); }
  int64_t of_result() const { return windows.count * windows.channels; }
  template <class Body>
  void each(const Parallel &parallel, Body body) const {
    parallel_for(parallel, lines, /*grain=*/std::max<int64_t>(1, 4 * block_size / of_image()), body);
  }
};
}  // namespace ck::batch_norm_loops
