// A direct convolution of channels-last float32 images: for a row of output pixels and one or two vectors of units all
// sums stay in registers while the taps and input channels go by, one input a time spread over sixteen units.
#pragma once
#include <algorithm>
#include <cstring>
#include <utility>

#include "lanes.h"

namespace ct::direct {
using lanes::Lanes;
using lanes::width;

/// Rows of one image, with zeros around them where there is padding.
struct Strip {
  const float *x;
  /// Elements from a row to the next that a tap reads, from a tap to the next in a row, from an output pixel to the next.
  int64_t row, tap, pixel;
  int64_t channels, kernel_height, kernel_width;
  /// Of the sixteen units and more at hand: kernel_height × kernel_width × channels × 16, each.
  const float *weight;
  int64_t weight_size;
  const float *bias;
};

/// Where results go: from an output pixel to the next, and how many units there are in all from here on.
struct Result {
  const float *addend;
  float *y;
  int64_t pixel, units;
  bool relu;
};

/// Adds what is to be added, rectifies and stores the first `bytes` of a vector.
CT_INLINE void finish(Lanes &value, int64_t at, int64_t bytes, const Result &out) {
  Lanes other = {};
  if (bytes == sizeof value) {
    if (out.addend) lanes::load(other, out.addend + at);
    value += other;
    if (out.relu) lanes::rectify(value, value);
    lanes::store(out.y + at, value);
  } else {
    if (out.addend) memcpy(&other, out.addend + at, bytes);
    value += other;
    if (out.relu) lanes::rectify(value, value);
    memcpy(out.y + at, &value, bytes);
  }
}

/// Every loop over sums is unrolled, so that they stay in registers; only `made` has an address.
#define CT_UNROLLED _Pragma("GCC unroll 16")

template <int pixels, int vectors>
CT_INLINE void block(const Strip &in, const Result &out) {
  Lanes sum[pixels][vectors];
  CT_UNROLLED for (int v = 0; v < vectors; v++) {
    Lanes bias;
    lanes::load(bias, in.bias + v * width);
    CT_UNROLLED for (int p = 0; p < pixels; p++) sum[p][v] = bias;
  }
  const float *weight = in.weight;
  for (int64_t i = 0; i < in.kernel_height; i++) {
    for (int64_t j = 0; j < in.kernel_width; j++) {
      const float *x = in.x + i * in.row + j * in.tap;
      for (int64_t c = 0; c < in.channels; c++, weight += width) {
        Lanes w[vectors];
        CT_UNROLLED for (int v = 0; v < vectors; v++) lanes::load(w[v], weight + v * in.weight_size);
        CT_UNROLLED for (int p = 0; p < pixels; p++) {
          const float value = x[p * in.pixel + c];
          CT_UNROLLED for (int v = 0; v < vectors; v++) sum[p][v] += value * w[v];
        }
      }
    }
  }
  Lanes made[pixels][vectors];
  CT_UNROLLED for (int p = 0; p < pixels; p++) {
    CT_UNROLLED for (int v = 0; v < vectors; v++) made[p][v] = sum[p][v];
  }
  for (int v = 0; v < vectors; v++) {
    const int64_t bytes = std::min(width, out.units - v * width) * static_cast<int64_t>(sizeof(float));
    for (int p = 0; p < pixels; p++) finish(made[p][v], p * out.pixel + v * width, bytes, out);
  }
}

/// `count` pixels of a row, fewer than `most` at once only at its end.
template <int most, int vectors, int... fewer>
CT_INLINE void rest(int64_t count, const Strip &in, const Result &out, std::integer_sequence<int, fewer...>) {
  (void)((count == fewer ? (block<fewer == 0 ? 1 : fewer, vectors>(in, out), true) : false) || ...);
}
template <int most, int vectors>
CT_INLINE void row(int64_t count, Strip in, Result out) {
  for (; count >= most; count -= most) {
    block<most, vectors>(in, out);
    in.x += most * in.pixel;
    out.y += most * out.pixel;
    if (out.addend) out.addend += most * out.pixel;
  }
  if (count > 0) rest<most, vectors>(count, in, out, std::make_integer_sequence<int, most>());
}

/// Pixels at once beside one and two vectors of units: as many as there are registers for.
template <int one, int two>
CT_INLINE void units(int64_t count, int64_t vectors, const Strip &in, const Result &out) {
  if (vectors == 2) {
    row<two, 2>(count, in, out);
  } else {
    row<one, 1>(count, in, out);
  }
}

using Row = void (*)(int64_t count, int64_t vectors, const Strip &in, const Result &out);

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void row_avx2(int64_t n, int64_t v, const Strip &in, const Result &out) {
  units<6, 3>(n, v, in, out);
}
__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"), min_vector_width(512))) static void row_avx512(
    int64_t n, int64_t v, const Strip &in, const Result &out) {
  units<16, 12>(n, v, in, out);
}
#endif

/// The loops for the processor that this runs on; nothing where they would not pay.
inline Row chosen_row() {
  static const Row row = [] {
#if defined(__x86_64__)
    if (lanes::has_avx512()) return &row_avx512;
    if (lanes::has_avx2()) return &row_avx2;
#endif
    return static_cast<Row>(nullptr);
  }();
  return row;
}
}  // namespace ct::direct
