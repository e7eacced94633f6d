// Statistics of a batch, and batch norm by them with what follows.
#include <cmath>

#include "blocks.h"

using namespace ck;
using namespace ck::batch_norm_loops;

/// Mean and variance in two sweeps over each block, which the first brings into the cache; blocks are put together by
/// the formula of Chan, Golub and LeVeque (1983) in float64.
template <class T>
Statistics ck::batch_statistics(const Images<const T> &x, const Parallel &parallel) {
  const Blocks blocks(x.sizes);
  const int64_t c = blocks.channels;
  std::vector<float> means(blocks.blocks * c), squares(blocks.blocks * c);
  blocks.each(parallel, [&](int64_t index) {
    std::vector<float> sums(blocks.lanes());
    const T *from = x.data + blocks.offset(index);
    float *mean = means.data() + index * c;
    loops<T>().sums(blocks.block(index), from, sums.data());
    blocks.fold(sums.data(), mean);
    for (int64_t i = 0; i < c; i++) mean[i] /= static_cast<float>(blocks.rows_of(index));
    std::vector<float> middle(blocks.lanes());
    for (int64_t i = 0; i < blocks.lanes(); i++) middle[i] = mean[i % c];
    loops<T>().squares(blocks.block(index), from, middle.data(), sums.data());
    blocks.fold(sums.data(), squares.data() + index * c);
  });
  Statistics all{std::vector<double>(c), std::vector<double>(c)};
  for (int64_t b = 0; b < blocks.blocks; b++) {
    for (int64_t i = 0; i < c; i++) all.mean[i] += static_cast<double>(blocks.rows_of(b)) * means[b * c + i];
  }
  for (auto &each : all.mean) each /= static_cast<double>(blocks.rows);
  for (int64_t b = 0; b < blocks.blocks; b++) {
    for (int64_t i = 0; i < c; i++) {
      double distance = means[b * c + i] - all.mean[i];
      all.variance[i] += squares[b * c + i] + static_cast<double>(blocks.rows_of(b)) * distance * distance;
    }
  }
  for (auto &each : all.variance) each /= static_cast<double>(blocks.rows);
  return all;
}

template <class T>
void ck::batch_norm(const Images<const T> &x, const BatchNorm &norm, const T *z, bool relu, T *y,
                    const Parallel &parallel) {
  const Blocks blocks(x.sizes);
  std::vector<double> a(blocks.channels), b(blocks.channels);
  for (int64_t i = 0; i < blocks.channels; i++) {
    a[i] = norm.weight[i] / std::sqrt(norm.statistics.variance[i] + norm.epsilon);
    b[i] = norm.bias[i] - norm.statistics.mean[i] * a[i];
  }
  auto scale = blocks.spread(a), shift = blocks.spread(b);
  blocks.each(parallel, [&](int64_t index) {
    int64_t at = blocks.offset(index);
    loops<T>().apply[z != nullptr][relu](blocks.block(index), x.data + at, z ? z + at : nullptr, scale.data(),
                                         shift.data(), y + at);
  });
}

template <class T>
void ck::max_pool(const Images<const T> &x, const float *weight, const Images<T> &largest, const Parallel &parallel) {
  const Pooling pooling(x.sizes, largest.sizes);
  pooling.each(parallel, [&](int64_t line) {
    loops<T>().largest(pooling.windows, x.data + line * pooling.of_image(), weight,
                       largest.data + line * pooling.of_result());
  });
}

template Statistics ck::batch_statistics(const Images<const float> &, const Parallel &);
template Statistics ck::batch_statistics(const Images<const uint16_t> &, const Parallel &);
template void ck::batch_norm(const Images<const float> &, const BatchNorm &, const float *, bool, float *,
                             const Parallel &);
template void ck::batch_norm(const Images<const uint16_t> &, const BatchNorm &, const uint16_t *, bool, uint16_t *,
                             const Parallel &);
template void ck::max_pool(const Images<const float> &, const float *, const Images<float> &, const Parallel &);
template void ck::max_pool(const Images<const uint16_t> &, const float *, const Images<uint16_t> &, const Parallel &);
