// The gradients of batch norm and what follows it.
#include <cmath>

#include "blocks.h"

using namespace ck;
using namespace ck::batch_norm_loops;

template <class T>
void ck::batch_norm_backward(const BatchNormRun<T> &run, const BatchNorm &norm, const BatchNormGradients<T> &into,
                             const Parallel &parallel) {
  const auto &x = run.x, &seen = run.largest.data ? run.largest : run.x;
  const Blocks blocks(seen.sizes);
  const int64_t c = blocks.channels;
  const double rows = static_cast<double>(count(x.sizes) / c);
  std::vector<double> inverse(c), a(c), b(c), k(c), offset(c);
  for (int64_t i = 0; i < c; i++) {
    inverse[i] = 1 / std::sqrt(norm.statistics.variance[i] + norm.epsilon);
    a[i] = norm.weight[i] * inverse[i];
    b[i] = norm.bias[i] - norm.statistics.mean[i] * a[i];
  }
  auto mean = blocks.spread(norm.statistics.mean), scale = blocks.spread(a), shift = blocks.spread(b);
  std::vector<float> sums(blocks.blocks * c), products(blocks.blocks * c);
  blocks.each(parallel, [&](int64_t index) {
    std::vector<float> scratch(2 * blocks.lanes());
    int64_t at = blocks.offset(index);
    loops<T>().gradient_sums[static_cast<int>(run.mask)](
        blocks.block(index), run.g + at, seen.data + at, run.y ? run.y + at : nullptr, mean.data(), scale.data(),
        shift.data(), into.z ? into.z + at : nullptr, scratch.data(), scratch.data() + blocks.lanes());
    blocks.fold(scratch.data(), sums.data() + index * c);
    blocks.fold(scratch.data() + blocks.lanes(), products.data() + index * c);
  });
  std::vector<double> sum(c), product(c);
  for (int64_t i = 0; i < blocks.blocks * c; i++) {
    sum[i % c] += sums[i];
    product[i % c] += products[i];
  }
  for (int64_t i = 0; i < c; i++) {
    into.weight[i] = static_cast<float>(product[i] * inverse[i]);
    into.bias[i] = static_cast<float>(sum[i]);
    k[i] = -a[i] * inverse[i] * inverse[i] * product[i] / rows;
    offset[i] = -a[i] * sum[i] / rows;
  }
  auto slope = blocks.spread(k), constant = blocks.spread(offset);
  if (run.largest.data) {
    const Pooling pooling(x.sizes, seen.sizes);
    pooling.each(parallel, [&](int64_t line) {
      int64_t at = line * pooling.of_image(), result = line * pooling.of_result();
      loops<T>().gradient_of_windows(pooling.windows, run.g + result, seen.data + result, x.data + at, mean.data(),
                                     scale.data(), shift.data(), slope.data(), constant.data(), into.x + at);
    });
    return;
  }
  const T *dz = run.mask == Mask::output ? into.z : run.g;
  blocks.each(parallel, [&](int64_t index) {
    int64_t at = blocks.offset(index);
    loops<T>().gradient[run.mask == Mask::input](blocks.block(index), dz + at, x.data + at, mean.data(), scale.data(),
                                                 shift.data(), slope.data(), constant.data(), into.x + at);
  });
}

template void ck::batch_norm_backward(const BatchNormRun<float> &, const BatchNorm &, const BatchNormGradients<float> &,
                                      const Parallel &);
template void ck::batch_norm_backward(const BatchNormRun<uint16_t> &, const BatchNorm &,
                                      const BatchNormGradients<uint16_t> &, const Parallel &);
