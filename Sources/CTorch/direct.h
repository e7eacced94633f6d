// A direct convolution of channels-last float32 images: for a row of output pixels and one or two vectors of units all
// sums stay in registers while the taps and input channels go by, one input a time spread over sixteen units, or two or
// four spread over eight or four (see pieces.h).
#pragma once
#include <algorithm>
#include <cstring>
#include <utility>

#include "lanes.h"
#include "pieces.h"

namespace ct::direct {
using lanes::Lanes;
using lanes::width;

/// Rows of one image, with zeros around them where there is padding.
struct Strip {
  const float *x;
  /// Elements from a row to the next that a tap reads, from a tap to the next in a row, from an output pixel to the next.
  int64_t row, tap, pixel;
  int64_t channels, kernel_height, kernel_width;
  /// Of the piece at hand, a vector's after another's.
  const float *weight;
  int64_t weight_size;
  const float *bias;
};

/// Where results go: elements from an output pixel to the next, and how many units of the piece are stored.
struct Result {
  const float *addend;
  float *y;
  int64_t pixel, units;
  bool relu;
};

/// Every loop over sums is unrolled, so that they stay in registers; only `made` has an address.
#define CT_UNROLLED _Pragma("GCC unroll 16")
/// Keeps the compiler from carrying a pointer for every pixel from tap to tap, for which there are no registers.
#define CT_OPAQUE(pointer) asm("" : "+r"(pointer))

/// Copies `count` elements, `most` or fewer, without a call and all but without a branch: by halves that overlap.
template <int64_t most>
CT_INLINE void copy(float *to, const float *from, int64_t count) {
  if (count == most) {
    memcpy(to, from, most * sizeof(float));
    return;
  }
  if constexpr (most > 1) {
    if (count < most / 2) return copy<most / 2>(to, from, count);
  }
  constexpr int64_t half = most > 1 ? most / 2 : 1;
  memcpy(to, from, half * sizeof(float));
  memcpy(to + count - half, from + count - half, half * sizeof(float));
}

/// Spreads `share` inputs over the lanes.
template <int share>
CT_INLINE void spread(Lanes &v, const float *x) {
  if constexpr (share == 4) {
    float __attribute__((vector_size(16))) four;
    memcpy(&four, x, sizeof four);
    v = __builtin_shufflevector(four, four, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
  } else if constexpr (share == 2) {
    float __attribute__((vector_size(8))) two;
    memcpy(&two, x, sizeof two);
    v = __builtin_shufflevector(two, two, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1);
  } else {
    v = *x - Lanes{};
  }
}

/// Sums of neighbouring lanes: those of `a`, then those of `b`.
CT_INLINE void add_pairs(Lanes &sum, const Lanes &a, const Lanes &b) {
  sum = __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
        __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

/// Adds what is to be added, rectifies and stores sums: `rows` of them, each with `parts` pixels side by side, of which
/// there are `pixels` in all.
template <int rows, int vectors, int parts>
CT_INLINE void finish(Lanes (&sum)[rows][vectors], int pixels, const Result &out) {
  constexpr int64_t part = width / parts;
  // Where pixels follow one another without a gap, those side by side are read and stored as they are.
  const bool is_whole = (parts == 1 ? out.units >= vectors * width : out.pixel == part && out.units == part) &&
                       pixels == rows * parts;
  if (out.addend) {
    float some[rows * parts][vectors * part] = {};
    const float *from = out.addend;
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
    CT_UNROLLED for (int p = 0; p < rows; p++) {
      CT_UNROLLED for (int v = 0; v < vectors; v++) {
        Lanes addend;
        lanes::load(addend, from + p * parts * pixel + v * width);
        sum[p][v] += addend;
      }
    }
  }
  if (out.relu) {
    CT_UNROLLED for (int p = 0; p < rows; p++) {
      CT_UNROLLED for (int v = 0; v < vectors; v++) lanes::rectify(sum[p][v], sum[p][v]);
    }
  }
  if (is_whole) {
    CT_UNROLLED for (int p = 0; p < rows; p++) {
      CT_UNROLLED for (int v = 0; v < vectors; v++) {
        lanes::store(out.y + p * parts * out.pixel + v * width, sum[p][v]);
      }
    }
    return;
  }
  float made[rows * parts][vectors * part];
  CT_UNROLLED for (int p = 0; p < rows; p++) {
    CT_UNROLLED for (int v = 0; v < vectors; v++) lanes::store(&made[p * parts][v * width], sum[p][v]);
  }
  for (int p = 0; p < pixels; p++) {
    for (int v = 0; v < vectors; v++) {
      copy<part>(out.y + p * out.pixel + v * width, &made[p][v * part], std::min(part, out.units - v * width));
    }
  }
}

template <int pixels, int vectors, int share>
CT_INLINE void block(const Strip &in, const Result &out) {
  Lanes sum[pixels][vectors];
  CT_UNROLLED for (int v = 0; v < vectors; v++) {
    Lanes bias;
    lanes::load(bias, in.bias + v * width);
    CT_UNROLLED for (int p = 0; p < pixels; p++) sum[p][v] = bias;
  }
  const float *weight = in.weight;
  const int64_t grouped = in.channels - in.channels % share;
  for (int64_t i = 0; i < in.kernel_height; i++) {
    for (int64_t j = 0; j < in.kernel_width; j++) {
      const float *x = in.x + i * in.row + j * in.tap;
      if constexpr (share > 1) CT_OPAQUE(x);
      int64_t c = 0;
      if constexpr (share > 1) {
        for (; c < grouped; c += share, weight += width) {
          Lanes w;
          lanes::load(w, weight);
          CT_UNROLLED for (int p = 0; p < pixels; p++) {
            Lanes value;
            spread<share>(value, x + p * in.pixel + c);
            sum[p][0] += value * w;
          }
        }
      }
      for (; c < in.channels; c++, weight += width) {
        Lanes w[vectors];
        CT_UNROLLED for (int v = 0; v < vectors; v++) lanes::load(w[v], weight + v * in.weight_size);
        CT_UNROLLED for (int p = 0; p < pixels; p++) {
          const float value = x[p * in.pixel + c];
          CT_UNROLLED for (int v = 0; v < vectors; v++) sum[p][v] += value * w[v];
        }
      }
    }
  }
  if constexpr (share == 1) {
    finish<pixels, vectors, 1>(sum, pixels, out);
  } else {
    // Behind the last pixel the last comes again, and is not stored.
    constexpr int last = pixels - 1, together = (pixels + share - 1) / share;
    Lanes added[together][1];
    CT_UNROLLED for (int i = 0; i < together; i++) {
      const int p = i * share;
      add_pairs(added[i][0], sum[p][0], sum[p + 1 < last ? p + 1 : last][0]);
      if constexpr (share == 4) {
        Lanes others;
        add_pairs(others, sum[p + 2 < last ? p + 2 : last][0], sum[p + 3 < last ? p + 3 : last][0]);
        add_pairs(added[i][0], added[i][0], others);
      }
    }
    finish<together, 1, share>(added, pixels, out);
  }
}

/// `count` pixels of a row, fewer than `most` at once only at its end.
template <int most, int vectors, int share, int... fewer>
CT_INLINE void rest(int64_t count, const Strip &in, const Result &out, std::integer_sequence<int, fewer...>) {
  (void)((count == fewer ? (block<fewer == 0 ? 1 : fewer, vectors, share>(in, out), true) : false) || ...);
}
template <int most, int vectors, int share>
CT_INLINE void row(int64_t count, Strip in, Result out) {
  for (; count >= most; count -= most) {
    block<most, vectors, share>(in, out);
    in.x += most * in.pixel;
    out.y += most * out.pixel;
    if (out.addend) out.addend += most * out.pixel;
  }
  if (count > 0) rest<most, vectors, share>(count, in, out, std::make_integer_sequence<int, most>());
}

/// Pixels at once beside one and two vectors of units: as many as there are registers for.
template <int one, int two>
CT_INLINE void units(int64_t count, const Piece &piece, const Strip &in, const Result &out) {
  if (piece.vectors == 2) {
    row<two, 2, 1>(count, in, out);
  } else if (piece.share == 4) {
    row<one, 1, 4>(count, in, out);
  } else if (piece.share == 2) {
    row<one, 1, 2>(count, in, out);
  } else {
    row<one, 1, 1>(count, in, out);
  }
}

using Row = void (*)(int64_t count, const Piece &piece, const Strip &in, const Result &out);

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void row_avx2(int64_t n, const Piece &piece, const Strip &in,
                                                            const Result &out) {
  units<6, 3>(n, piece, in, out);
}
__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"), min_vector_width(512))) static void row_avx512(
    int64_t n, const Piece &piece, const Strip &in, const Result &out) {
  units<16, 12>(n, piece, in, out);
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
