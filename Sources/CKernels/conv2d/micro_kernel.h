// A direct convolution of channels-last images: for a row of output pixels and one or two vectors of units all sums
// stay in registers while the taps and input channels go by, one input a time spread over sixteen units, or two or four
// spread over eight or four (see channel_tiles.h). An input is a float32, or two channels of bfloat16, whose products
// with two weights are added up in float32 by one instruction.
#pragma once
#include <algorithm>
#include <cstring>
#include <utility>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "../simd.h"
#include "CKernels/kernels.h"
#include "channel_tiles.h"

namespace ck::micro_kernel {
using simd::Vector;
using simd::width;

/// Rows of one image, with zeros around them where there is padding. What is called an element here and a channel is a
/// float32, or a pair of bfloat16.
struct Strip {
  const float *x;
  /// Elements from a row to the next that a tap reads, from a tap to the next in a row, from an output pixel to the
  /// next.
  int64_t row, tap, pixel;
  int64_t channels, kernel_height, kernel_width;
  /// Of the tile at hand, a vector's after another's.
  const float *weight;
  int64_t weight_size;
  const float *bias;
};

/// Where results go: elements from an output pixel to the next, and how many units of the tile are stored.
template <class T>
struct Result {
  const T *addend;
  T *y;
  int64_t pixel, units;
  bool relu;
};

/// Every loop over sums is unrolled, so that they stay in registers; only `made` has an address.
#define CK_UNROLLED _Pragma("GCC unroll 16")
/// Keeps the compiler from carrying a pointer for every pixel from tap to tap, for which there are no registers.
#define CK_OPAQUE(pointer) asm("" : "+r"(pointer))

/// Copies `count` elements, `most` or fewer, without a call and all but without a branch: by halves that overlap.
template <int64_t most, class T>
CK_INLINE void copy(T *to, const T *from, int64_t count) {
  if (count == most) {
    memcpy(to, from, most * sizeof(T));
    return;
  }
  if constexpr (most > 1) {
    if (count < most / 2) return copy<most / 2>(to, from, count);
  }
  constexpr int64_t half = most > 1 ? most / 2 : 1;
  memcpy(to, from, half * sizeof(T));
  memcpy(to + count - half, from + count - half, half * sizeof(T));
}

/// Spreads `depth` inputs over the lanes.
template <int depth>
CK_INLINE void spread(Vector &v, const float *x) {
  if constexpr (depth == 4) {
    float __attribute__((vector_size(16))) four;
    memcpy(&four, x, sizeof four);
    v = __builtin_shufflevector(four, four, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
  } else if constexpr (depth == 2) {
    float __attribute__((vector_size(8))) two;
    memcpy(&two, x, sizeof two);
    v = __builtin_shufflevector(two, two, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1);
  } else {
    const float __attribute__((vector_size(16))) one = {*x};
    v = __builtin_shufflevector(one, one, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  }
}

/// Sums of neighbouring lanes: those of `a`, then those of `b`.
CK_INLINE void add_pairs(Vector &sum, const Vector &a, const Vector &b) {
  sum = __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
        __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

/// Adds what is to be added, rectifies and stores sums: `rows` of them, each with `parts` pixels side by side, of which
/// there are `pixels` in all.
template <int rows, int vectors, int parts, class T>
CK_INLINE void finish(Vector (&sum)[rows][vectors], int pixels, const Result<T> &out) {
  constexpr int64_t part = width / parts;
  // Where pixels follow one another without a gap, those side by side are read and stored as they are.
  const bool is_whole =
      (parts == 1 ? out.units >= vectors * width : out.pixel == part && out.units == part) && pixels == rows * parts;
  if (out.addend) {
    T some[rows * parts][vectors * part] = {};
    const T *from = out.addend;
    int64_t pixel = out.pixel;
    if (!is_whole) {
      for (int p = 0; p < pixels; p++) {
        for (int v = 0; v < vectors; v++) {
          copy<part>(&some[p][v * part], from + p * pixel + v * width, std::min(part, out.units - v * width));
        }
      }
      from = &some[0][0];
      pixel = vectors * part;
    }
    CK_UNROLLED for (int p = 0; p < rows; p++) {
      CK_UNROLLED for (int v = 0; v < vectors; v++) {
        Vector addend;
        simd::load(addend, from + p * parts * pixel + v * width);
        sum[p][v] += addend;
      }
    }
  }
  if (out.relu) {
    CK_UNROLLED for (int p = 0; p < rows; p++) {
      CK_UNROLLED for (int v = 0; v < vectors; v++) simd::rectify(sum[p][v], sum[p][v]);
    }
  }
  if (is_whole) {
    CK_UNROLLED for (int p = 0; p < rows; p++) {
      CK_UNROLLED for (int v = 0; v < vectors; v++) {
        simd::store(out.y + p * parts * out.pixel + v * width, sum[p][v]);
      }
    }
    return;
  }
  T made[rows * parts][vectors * part];
  CK_UNROLLED for (int p = 0; p < rows; p++) {
    CK_UNROLLED for (int v = 0; v < vectors; v++) simd::store(&made[p * parts][v * width], sum[p][v]);
  }
  for (int p = 0; p < pixels; p++) {
    for (int v = 0; v < vectors; v++) {
      copy<part>(out.y + p * out.pixel + v * width, &made[p][v * part], std::min(part, out.units - v * width));
    }
  }
}

// What depends on how inputs and weights are multiplied, compiled for each kind; inlining wants its own set of
// instructions for it from the start.
namespace float32 {
using Stored = float;
#define CK_TARGET
CK_INLINE void multiply_add(Vector &sum, const Vector &value, const Vector &weight) { sum += value * weight; }
#include "micro_kernel_loops.h"
#undef CK_TARGET
}  // namespace float32

#if defined(__x86_64__)
namespace bfloat16 {
using Stored = uint16_t;
#define CK_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,fma")))
CK_TARGET CK_INLINE void multiply_add(Vector &sum, const Vector &value, const Vector &weight) {
  sum = (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)value, (__m512bh)weight);
}
#include "micro_kernel_loops.h"
#undef CK_TARGET
}  // namespace bfloat16
#endif

template <class T>
using Row = void (*)(int64_t count, const ChannelTile &tile, const Strip &in, const Result<T> &out);

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void row_avx2(int64_t n, const ChannelTile &tile, const Strip &in,
                                                         const Result<float> &out) {
  float32::units<6, 3>(n, tile, in, out);
}
__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"), min_vector_width(512))) static void row_avx512(
    int64_t n, const ChannelTile &tile, const Strip &in, const Result<float> &out) {
  float32::units<16, 12>(n, tile, in, out);
}
__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,fma"), min_vector_width(512))) static void
row_bfloat16(int64_t n, const ChannelTile &tile, const Strip &in, const Result<uint16_t> &out) {
  bfloat16::units<16, 12>(n, tile, in, out);
}
#endif

/// The loops of the kernels in force; nothing where these have none.
template <class T>
Row<T> chosen_row();
template <>
inline Row<float> chosen_row<float>() {
  static const Row<float> row = [] {
#if defined(__x86_64__)
    if (kernels() == Kernels::avx512) return &row_avx512;
    if (kernels() == Kernels::avx2) return &row_avx2;
#endif
    return static_cast<Row<float>>(nullptr);
  }();
  return row;
}
template <>
inline Row<uint16_t> chosen_row<uint16_t>() {
  static const Row<uint16_t> row = [] {
#if defined(__x86_64__)
    if (multiplies_bfloat16()) return &row_bfloat16;
#endif
    return static_cast<Row<uint16_t>>(nullptr);
  }();
  return row;
}
}  // namespace ck::micro_kernel
