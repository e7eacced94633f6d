// Vectors of sixteen, of float32 or of bfloat16 in memory.
//
// Vectors go by reference: by value they would be part of an ABI that differs between instruction sets.
#pragma once
#include <cstdint>
#include <cstring>

namespace ck::simd {
constexpr int64_t width = 16;
using Vector = float __attribute__((vector_size(64)));
using Bits = uint32_t __attribute__((vector_size(64)));
using Halves = uint16_t __attribute__((vector_size(32)));

#define CK_INLINE inline __attribute__((always_inline))

CK_INLINE void load(Vector &v, const float *p) { memcpy(&v, p, sizeof v); }
CK_INLINE void load(Vector &v, const uint16_t *p) {  // bfloat16 is the upper half of a float
  Halves halves;
  memcpy(&halves, p, sizeof halves);
  Bits bits = __builtin_convertvector(halves, Bits) << 16;
  memcpy(&v, &bits, sizeof v);
}
CK_INLINE void store(float *p, const Vector &v) { memcpy(p, &v, sizeof v); }
CK_INLINE void store(uint16_t *p, const Vector &v) {  // rounds to the nearest, ties to even; NaN stays NaN
  Bits bits;
  memcpy(&bits, &v, sizeof bits);
  Bits isNaN = reinterpret_cast<Bits>(v != v);
  Bits rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  Halves halves = __builtin_convertvector((rounded & ~isNaN) | (isNaN & 0x7fc0u), Halves);
  memcpy(p, &halves, sizeof halves);
}
/// Zero where `by` is zero or less; NaN passes, so that a training that diverges is seen to.
CK_INLINE void rectify(Vector &v, const Vector &by) {
  v = reinterpret_cast<Vector>(reinterpret_cast<Bits>(v) & ~reinterpret_cast<Bits>(by <= 0.0f));
}
}  // namespace ck::simd
