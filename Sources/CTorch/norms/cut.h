// How images are cut into what threads do one at a time.
#pragma once
#include <numeric>

#include "../team.h"
#include "loops.h"

namespace ct::norms {
/// Elements of a block, about: 16 kB of float32, which stay in the first cache.
constexpr int64_t block_size = 4096;

/// How the rows of a tensor are cut into blocks. The cut depends on the shape alone, and what blocks give is put
/// together in their order, so results do not depend on the number of threads.
struct Cut {
  int64_t channels, vectors, period, per_block, blocks, rows;

  explicit Cut(const at::Tensor &x) {
    channels = x.size(1);
    vectors = x.numel() / lanes::width;
    rows = x.numel() / channels;
    period = channels / std::gcd(channels, lanes::width);
    per_block = period * std::max<int64_t>(4, block_size / (lanes::width * period));
    blocks = (vectors + per_block - 1) / per_block;
  }

  int64_t lanes() const { return period * lanes::width; }
  int64_t offset(int64_t block) const { return block * per_block * lanes::width; }
  Block block(int64_t index) const { return {std::min(per_block, vectors - index * per_block), period}; }
  /// Rows of the image memory in a block: blocks start where rows do.
  int64_t rows_of(int64_t index) const { return block(index).count * lanes::width / channels; }

  template <class Body>
  void each(Body body) const {
    on_team(blocks, /*grain=*/4, body);
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
struct Pool {
  Windows windows;
  int64_t lines;

  Pool(const at::Tensor &x, const at::Tensor &largest)
      : windows{largest.size(3), x.size(1), {x.size(2) / largest.size(2), x.size(3) / largest.size(3)}},
        lines(largest.size(0) * largest.size(2)) {}

  int64_t of_image() const { return windows.kernel[0] * windows.row(); }
  int64_t of_result() const { return windows.count * windows.channels; }
  template <class Body>
  void each(Body body) const {
    on_team(lines, /*grain=*/std::max<int64_t>(1, 4 * block_size / of_image()), body);
  }
};

template <class T>
T *data(const at::Tensor &t) {
  return t.defined() ? static_cast<T *>(t.data_ptr()) : nullptr;
}
}  // namespace ct::norms
