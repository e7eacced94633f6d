// Loops over N×H×W×C memory as one long row of sixteen lanes, where C need not be a multiple of sixteen: what belongs
// to the channels is laid out over lcm(C, 16) elements, the period after which channels and lanes meet again.
#pragma once
#include "../simd.h"
#include "CKernels/batch_norm.h"

namespace ck::batch_norm_loops {
using namespace simd;

/// A run of `count` vectors whose channels repeat after `period` vectors.
struct Block {
  int64_t count, period;
};

/// Sums of each lane.
template <class T>
CK_INLINE void sum_lanes(const Block &block, const T *x, float *sums) {
  const int64_t step = block.period;
  for (int64_t p = 0; p < step; p++) {
    Vector total[4] = {}, v;
    int64_t i = p;
    for (; i + 3 * step < block.count; i += 4 * step) {
      for (int k = 0; k < 4; k++) {
        load(v, x + (i + k * step) * width);
        total[k] += v;
      }
    }
    for (; i < block.count; i += step) {
      load(v, x + i * width);
      total[0] += v;
    }
    store(sums + p * width, (total[0] + total[1]) + (total[2] + total[3]));
  }
}

/// Sums of the squared distances from `mean`, for each lane.
template <class T>
CK_INLINE void square_lanes(const Block &block, const T *x, const float *mean, float *sums) {
  const int64_t step = block.period;
  for (int64_t p = 0; p < step; p++) {
    Vector total[4] = {}, v, middle;
    load(middle, mean + p * width);
    int64_t i = p;
    for (; i + 3 * step < block.count; i += 4 * step) {
      for (int k = 0; k < 4; k++) {
        load(v, x + (i + k * step) * width);
        v -= middle;
        total[k] += v * v;
      }
    }
    for (; i < block.count; i += step) {
      load(v, x + i * width);
      v -= middle;
      total[0] += v * v;
    }
    store(sums + p * width, (total[0] + total[1]) + (total[2] + total[3]));
  }
}

/// y = x·a + b, plus z where there is one, cut at zero with `relu`.
template <class T, bool adds, bool relu>
CK_INLINE void apply(const Block &block, const T *x, const T *z, const float *a, const float *b, T *y) {
  for (int64_t i = 0, p = 0; i < block.count; i++) {
    Vector v, scale, shift;
    load(v, x + i * width);
    load(scale, a + p * width);
    load(shift, b + p * width);
    v = v * scale + shift;
    if constexpr (adds) {
      Vector other;
      load(other, z + i * width);
      v += other;
    }
    if constexpr (relu) rectify(v, v);
    store(y + i * width, v);
    if (++p == block.period) p = 0;
  }
}

/// Sums of g and of g·(x − mean) for each lane; with the output as mask the gradient that passes is written to `dz`.
template <class T, Mask mask>
CK_INLINE void gradient_lanes(const Block &block, const T *g, const T *x, const T *y, const float *mean, const float *a,
                              const float *b, T *dz, float *sums, float *products) {
  const int64_t step = block.period;
  for (int64_t p = 0; p < step; p++) {
    Vector sum[2] = {}, product[2] = {}, middle, scale, shift;
    load(middle, mean + p * width);
    load(scale, a + p * width);
    load(shift, b + p * width);
    int k = 0;
    for (int64_t i = p; i < block.count; i += step, k ^= 1) {
      Vector v, d;
      load(v, x + i * width);
      load(d, g + i * width);
      if constexpr (mask == Mask::input) rectify(d, v * scale + shift);
      if constexpr (mask == Mask::output) {
        Vector result;
        load(result, y + i * width);
        rectify(d, result);
        store(dz + i * width, d);
      }
      sum[k] += d;
      product[k] += d * (v - middle);
    }
    store(sums + p * width, sum[0] + sum[1]);
    store(products + p * width, product[0] + product[1]);
  }
}

/// dx = g·a + (x − mean)·k + c.
template <class T, Mask mask>
CK_INLINE void gradient(const Block &block, const T *g, const T *x, const float *mean, const float *a, const float *b,
                        const float *k, const float *c, T *dx) {
  for (int64_t i = 0, p = 0; i < block.count; i++) {
    Vector v, d, middle, scale, shift, slope, offset;
    load(v, x + i * width);
    load(d, g + i * width);
    load(scale, a + p * width);
    if constexpr (mask == Mask::input) {
      load(shift, b + p * width);
      rectify(d, v * scale + shift);
    }
    load(middle, mean + p * width);
    load(slope, k + p * width);
    load(offset, c + p * width);
    d = d * scale + ((v - middle) * slope + offset);
    store(dx + i * width, d);
    if (++p == block.period) p = 0;
  }
}
}  // namespace ck::batch_norm_loops
