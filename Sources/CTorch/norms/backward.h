// The gradients of batch norm and what follows it.
#pragma once
#include "forward.h"

namespace ct::norms {
/// What the gradients need of a run: x, γ and β, the result where it is the mask, and the largest values of windows.
struct Saved {
  at::Tensor x, weight, bias, y, largest;
  Statistics of;
  double epsilon;
  Mask mask;
};

/// Gradients of x, γ, β and of what was added.
template <class T>
std::vector<at::Tensor> gradients(const at::Tensor &g, const Saved &run) {
  const auto &x = run.x, &seen = run.largest.defined() ? run.largest : run.x;
  Cut cut(seen);
  const int64_t c = cut.channels;
  const double rows = static_cast<double>(x.numel() / c);
  std::vector<double> inverse(c), a(c), b(c), k(c), offset(c);
  for (int64_t i = 0; i < c; i++) {
    inverse[i] = 1 / std::sqrt(run.of.variance[i] + run.epsilon);
    a[i] = data<float>(run.weight)[i] * inverse[i];
    b[i] = data<float>(run.bias)[i] - run.of.mean[i] * a[i];
  }
  auto mean = cut.spread(run.of.mean), scale = cut.spread(a), shift = cut.spread(b);
  auto dz = run.mask == Mask::output ? at::empty_like(x) : g;
  std::vector<float> sums(cut.blocks * c), products(cut.blocks * c);
  cut.each([&](int64_t index) {
    std::vector<float> scratch(2 * cut.lanes());
    int64_t at = cut.offset(index);
    loops<T>().gradient_sums[static_cast<int>(run.mask)](
        cut.block(index), data<T>(g) + at, data<T>(seen) + at, run.y.defined() ? data<T>(run.y) + at : nullptr,
        mean.data(), scale.data(), shift.data(), data<T>(dz) + at, scratch.data(), scratch.data() + cut.lanes());
    cut.fold(scratch.data(), sums.data() + index * c);
    cut.fold(scratch.data() + cut.lanes(), products.data() + index * c);
  });
  std::vector<double> sum(c), product(c);
  for (int64_t i = 0; i < cut.blocks * c; i++) {
    sum[i % c] += sums[i];
    product[i % c] += products[i];
  }
  auto dweight = at::empty_like(run.weight), dbias = at::empty_like(run.bias), dx = at::empty_like(x);
  for (int64_t i = 0; i < c; i++) {
    data<float>(dweight)[i] = static_cast<float>(product[i] * inverse[i]);
    data<float>(dbias)[i] = static_cast<float>(sum[i]);
    k[i] = -a[i] * inverse[i] * inverse[i] * product[i] / rows;
    offset[i] = -a[i] * sum[i] / rows;
  }
  auto slope = cut.spread(k), constant = cut.spread(offset);
  if (run.largest.defined()) {
    Pool pool(x, seen);
    pool.each([&](int64_t line) {
      int64_t at = line * pool.of_image(), result = line * pool.of_result();
      loops<T>().gradient_of_windows(pool.windows, data<T>(g) + result, data<T>(seen) + result, data<T>(x) + at,
                                     mean.data(), scale.data(), shift.data(), slope.data(), constant.data(),
                                     data<T>(dx) + at);
    });
  } else {
    cut.each([&](int64_t index) {
      int64_t at = cut.offset(index);
      loops<T>().gradient[run.mask == Mask::input](cut.block(index), data<T>(dz) + at, data<T>(x) + at,
                                                   mean.data(), scale.data(), shift.data(), slope.data(),
                                                   constant.data(), data<T>(dx) + at);
    });
  }
  return {dx, dweight, dbias, dz};
}
}  // namespace ct::norms
