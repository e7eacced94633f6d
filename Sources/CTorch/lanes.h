// Vectors of sixteen, of float32 or of bfloat16 in memory.
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
}  // namespace ct::lanes
