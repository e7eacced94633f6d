// Loops over N×H×W×C memory as one long row of sixteen lanes, where C need not be a multiple of sixteen: what belongs
// to the channels is laid out over lcm(C, 16) elements, the period after which channels and lanes meet again.
//
// Vectors go by reference: by value they would be part of an ABI that differs between instruction sets.
#pragma once
#include <cstdint>
#include <cstring>

namespace ct::lanes {
constexpr int64_t width = 16;
using Lanes = float __attribute__((vector_size(64)));
using Bits = uint32_t __attribute__((vector_size(64)));
using Halves = uint16_t __attribute__((vector_size(32)));

#define CT_INLINE inline __attribute__((always_inline))

CT_INLINE void load(Lanes &v, const float *p) { memcpy(&v, p, sizeof v); }
CT_INLINE void load(Lanes &v, const uint16_t *p) {  // bfloat16 is the upper half of a float
  Halves halves;
  memcpy(&halves, p, sizeof halves);
  Bits bits = __builtin_convertvector(halves, Bits) << 16;
  memcpy(&v, &bits, sizeof v);
}
CT_INLINE void store(float *p, const Lanes &v) { memcpy(p, &v, sizeof v); }
CT_INLINE void store(uint16_t *p, const Lanes &v) {  // rounds to the nearest, ties to even; NaN stays NaN
  Bits bits;
  memcpy(&bits, &v, sizeof bits);
  Bits isNaN = reinterpret_cast<Bits>(v != v);
  Bits rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  Halves halves = __builtin_convertvector((rounded & ~isNaN) | (isNaN & 0x7fc0u), Halves);
  memcpy(p, &halves, sizeof halves);
}
/// Zero where `by` is zero or less; NaN passes, so that a training that diverges is seen to.
CT_INLINE void rectify(Lanes &v, const Lanes &by) {
  v = reinterpret_cast<Lanes>(reinterpret_cast<Bits>(v) & ~reinterpret_cast<Bits>(by <= 0.0f));
}

/// A run of `count` vectors whose channels repeat after `period` vectors.
struct Block {
  int64_t count, period;
};

/// Sums of each lane.
template <class T>
CT_INLINE void sum_lanes(const Block &block, const T *x, float *sums) {
  const int64_t step = block.period;
  for (int64_t p = 0; p < step; p++) {
    Lanes total[4] = {}, v;
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
CT_INLINE void square_lanes(const Block &block, const T *x, const float *mean, float *sums) {
  const int64_t step = block.period;
  for (int64_t p = 0; p < step; p++) {
    Lanes total[4] = {}, v, middle;
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
CT_INLINE void apply(const Block &block, const T *x, const T *z, const float *a, const float *b, T *y) {
  for (int64_t i = 0, p = 0; i < block.count; i++) {
    Lanes v, scale, shift;
    load(v, x + i * width);
    load(scale, a + p * width);
    load(shift, b + p * width);
    v = v * scale + shift;
    if constexpr (adds) {
      Lanes other;
      load(other, z + i * width);
      v += other;
    }
    if constexpr (relu) rectify(v, v);
    store(y + i * width, v);
    if (++p == block.period) p = 0;
  }
}

/// Where the gradient passes: everywhere; where x·a + b, which is computed again, is positive; where y is.
enum class Mask { none, input, output };

/// Sums of g and of g·(x − mean) for each lane; with the output as mask the gradient that passes is written to `dz`.
template <class T, Mask mask>
CT_INLINE void gradient_lanes(const Block &block, const T *g, const T *x, const T *y, const float *mean, const float *a,
                              const float *b, T *dz, float *sums, float *products) {
  const int64_t step = block.period;
  for (int64_t p = 0; p < step; p++) {
    Lanes sum[2] = {}, product[2] = {}, middle, scale, shift;
    load(middle, mean + p * width);
    load(scale, a + p * width);
    load(shift, b + p * width);
    int k = 0;
    for (int64_t i = p; i < block.count; i += step, k ^= 1) {
      Lanes v, d;
      load(v, x + i * width);
      load(d, g + i * width);
      if constexpr (mask == Mask::input) rectify(d, v * scale + shift);
      if constexpr (mask == Mask::output) {
        Lanes result;
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
CT_INLINE void gradient(const Block &block, const T *g, const T *x, const float *mean, const float *a, const float *b,
                        const float *k, const float *c, T *dx) {
  for (int64_t i = 0, p = 0; i < block.count; i++) {
    Lanes v, d, middle, scale, shift, slope, offset;
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

/// The loops above compiled for one set of instructions.
template <class T>
struct Loops {
  void (*sums)(const Block &, const T *, float *);
  void (*squares)(const Block &, const T *, const float *, float *);
  void (*apply[2][2])(const Block &, const T *, const T *, const float *, const float *, T *);  // [adds][relu]
  void (*gradient_sums[3])(const Block &, const T *, const T *, const T *, const float *, const float *, const float *,
                           T *, float *, float *);  // [mask]
  void (*gradient[2])(const Block &, const T *, const T *, const float *, const float *, const float *, const float *,
                      const float *, T *);  // [mask]
};

#define CT_LOOPS(NAME, TARGET)                                                                                      \
  template <class T>                                                                                                \
  struct NAME {                                                                                                     \
    TARGET static void sums(const Block &n, const T *x, float *s) { sum_lanes(n, x, s); }                           \
    TARGET static void squares(const Block &n, const T *x, const float *m, float *s) { square_lanes(n, x, m, s); }  \
    template <bool adds, bool relu>                                                                                 \
    TARGET static void applied(const Block &n, const T *x, const T *z, const float *a, const float *b, T *y) {      \
      apply<T, adds, relu>(n, x, z, a, b, y);                                                                       \
    }                                                                                                               \
    template <Mask mask>                                                                                            \
    TARGET static void sums_of_gradient(const Block &n, const T *g, const T *x, const T *y, const float *m,         \
                                        const float *a, const float *b, T *dz, float *s, float *q) {                \
      gradient_lanes<T, mask>(n, g, x, y, m, a, b, dz, s, q);                                                       \
    }                                                                                                               \
    template <Mask mask>                                                                                            \
    TARGET static void gradients(const Block &n, const T *g, const T *x, const float *m, const float *a,            \
                                 const float *b, const float *k, const float *c, T *dx) {                           \
      gradient<T, mask>(n, g, x, m, a, b, k, c, dx);                                                                \
    }                                                                                                               \
    static Loops<T> loops() {                                                                                       \
      return {sums,                                                                                                 \
              squares,                                                                                              \
              {{applied<false, false>, applied<false, true>}, {applied<true, false>, applied<true, true>}},         \
              {sums_of_gradient<Mask::none>, sums_of_gradient<Mask::input>, sums_of_gradient<Mask::output>},        \
              {gradients<Mask::none>, gradients<Mask::input>}};                                                     \
    }                                                                                                               \
  };

CT_LOOPS(Baseline, )
#if defined(__x86_64__)
CT_LOOPS(AVX2, __attribute__((target("avx2,fma"))))
CT_LOOPS(AVX512, __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))))
#endif

#if defined(__x86_64__)
inline bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
inline bool has_bfloat16() { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }
inline bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#endif

/// The loops for the processor that this runs on.
template <class T>
const Loops<T> &loops() {
  static const Loops<T> chosen = [] {
#if defined(__x86_64__)
    if (has_avx512()) return AVX512<T>::loops();
    if (has_avx2()) return AVX2<T>::loops();
#endif
    return Baseline<T>::loops();
  }();
  return chosen;
}
}  // namespace ct::lanes
