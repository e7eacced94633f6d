// Gradients of a convolution's weight: sums of products over all pixels.
//
// Sixteen channels go by in a vector, with each of which up to eight units at up to three taps are multiplied, or units
// in the vector and channels beside it; all these sums stay in registers while pixels go by. Of bfloat16 two images are
// interleaved, so that a lane holds one channel of both at the same pixel, and one instruction adds two products to a
// sum.
#pragma once
#include "micro_kernel.h"

namespace ck::accumulation {
using simd::Vector;
constexpr int most_taps = 3, most_singles = 8;

/// Images: elements, of 32 bits, from a row to the next, from a pixel to the next, from a tap to the next.
struct Operand {
  const float *at;
  int64_t row, pixel, tap;
};

/// Images that are read next, fetched into the second cache some lines at a time while sums are made: they come from
/// far, and nothing waits for them.
struct Prefetch {
  static constexpr int64_t line = 64;
  const char *at, *end;
  int64_t lines;

  CK_INLINE void fetch() {
    for (int64_t i = 0; i < lines && at < end; i++, at += line) __builtin_prefetch(at, /*writes=*/0, /*locality=*/2);
  }
};

struct Accumulation {
  /// Of which sixteen neighbours are read, and of which single elements are.
  Operand vector, single;
  int64_t rows, pixels;
  /// What is added to: elements from a tap to the next, and from a single element to the next.
  float *sums;
  int64_t tap, element;
  /// Two, of which some is fetched with every row.
  Prefetch *prefetch;
};

using Loop = void (*)(const Accumulation &);

#if defined(__x86_64__)
namespace float32 {
using micro_kernel::float32::multiply_add;
#define CK_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma")))
#include "accumulation_loops.h"
#undef CK_TARGET
}  // namespace float32
namespace bfloat16 {
using micro_kernel::bfloat16::multiply_add;
#define CK_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,fma")))
#include "accumulation_loops.h"
#undef CK_TARGET
}  // namespace bfloat16
#endif

/// The loop for so many taps, up to three, and single elements, up to eight; nothing on other processors.
template <class T, bool by_vector>
Loop chosen(int64_t taps, int64_t singles) {
#if defined(__x86_64__)
  if constexpr (sizeof(T) == 2) return bfloat16::chosen<by_vector>(taps, singles);
  return float32::chosen<by_vector>(taps, singles);
#else
  return nullptr;
#endif
}
}  // namespace ck::accumulation
