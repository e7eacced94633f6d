// Statistics of a batch, and batch norm by them with what follows.
#pragma once
#include "../protect.h"
#include "cut.h"

namespace ct::norms {
struct Statistics {
  std::vector<double> mean, variance;  // the biased one
};

/// Mean and variance in two sweeps over each block, which the first brings into the cache; blocks are put together by
/// the formula of Chan, Golub and LeVeque (1983) in float64.
template <class T>
Statistics measured(const Cut &cut, const at::Tensor &x) {
  const int64_t c = cut.channels;
  std::vector<float> means(cut.blocks * c), squares(cut.blocks * c);
  cut.each([&](int64_t index) {
    std::vector<float> sums(cut.lanes());
    const T *from = data<T>(x) + cut.offset(index);
    float *mean = means.data() + index * c;
    loops<T>().sums(cut.block(index), from, sums.data());
    cut.fold(sums.data(), mean);
    for (int64_t i = 0; i < c; i++) mean[i] /= static_cast<float>(cut.rows_of(index));
    std::vector<float> middle(cut.lanes());
    for (int64_t i = 0; i < cut.lanes(); i++) middle[i] = mean[i % c];
    loops<T>().squares(cut.block(index), from, middle.data(), sums.data());
    cut.fold(sums.data(), squares.data() + index * c);
  });
  Statistics all{std::vector<double>(c), std::vector<double>(c)};
  for (int64_t b = 0; b < cut.blocks; b++) {
    for (int64_t i = 0; i < c; i++) all.mean[i] += static_cast<double>(cut.rows_of(b)) * means[b * c + i];
  }
  for (auto &each : all.mean) each /= static_cast<double>(cut.rows);
  for (int64_t b = 0; b < cut.blocks; b++) {
    for (int64_t i = 0; i < c; i++) {
      double distance = means[b * c + i] - all.mean[i];
      all.variance[i] += squares[b * c + i] + static_cast<double>(cut.rows_of(b)) * distance * distance;
    }
  }
  for (auto &each : all.variance) each /= static_cast<double>(cut.rows);
  return all;
}

/// y = relu(γ·(x − mean)/√(variance + ε) + β + z).
template <class T>
at::Tensor applied(const Cut &cut, const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
                   const Statistics &of, const at::Tensor &z, const ct_norm &how) {
  std::vector<double> a(cut.channels), b(cut.channels);
  for (int64_t i = 0; i < cut.channels; i++) {
    a[i] = data<float>(weight)[i] / std::sqrt(of.variance[i] + how.epsilon);
    b[i] = data<float>(bias)[i] - of.mean[i] * a[i];
  }
  auto scale = cut.spread(a), shift = cut.spread(b);
  auto y = at::empty_like(x);
  cut.each([&](int64_t index) {
    int64_t at = cut.offset(index);
    const T *other = z.defined() ? data<T>(z) + at : nullptr;
    loops<T>().apply[z.defined()][how.relu](cut.block(index), data<T>(x) + at, other, scale.data(),
                                            shift.data(), data<T>(y) + at);
  });
  return y;
}

/// The value of each window for which γ·x is largest.
template <class T>
at::Tensor largest_of(const at::Tensor &x, const at::Tensor &weight, const int64_t *kernel) {
  auto largest = at::empty({x.size(0), x.size(1), x.size(2) / kernel[0], x.size(3) / kernel[1]},
                           x.options().memory_format(at::MemoryFormat::ChannelsLast));
  Pool pool(x, largest);
  pool.each([&](int64_t line) {
    loops<T>().largest(pool.windows, data<T>(x) + line * pool.of_image(), data<float>(weight),
                       data<T>(largest) + line * pool.of_result());
  });
  return largest;
}

inline bool pools(const ct_norm &how) { return how.pool[0] > 1 || how.pool[1] > 1; }

/// relu(norm(x) + z), or the largest of each window of it, with `largest` set to where those came from.
template <class T>
at::Tensor result(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, const Statistics &of,
                  const at::Tensor &z, const ct_norm &how, at::Tensor &largest) {
  if (pools(how)) largest = largest_of<T>(x, weight, how.pool);
  const auto &from = largest.defined() ? largest : x;
  return applied<T>(Cut(from), from, weight, bias, of, z, how);
}
}  // namespace ct::norms
