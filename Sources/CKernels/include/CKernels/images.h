// Batches of images and weights in memory, as kernels are given them.
#pragma once
#include <array>
#include <cstdint>

namespace ck {
/// Of N×C×H×W images, or of a weight, units × channels × height × width.
using Sizes = std::array<int64_t, 4>;

inline int64_t count(const Sizes &sizes) { return sizes[0] * sizes[1] * sizes[2] * sizes[3]; }

/// Images of float32 or, as uint16_t, of bfloat16, channels last and without gaps.
template <class T>
struct Images {
  T *data;
  Sizes sizes;

  /// Elements of one image.
  int64_t each() const { return sizes[1] * sizes[2] * sizes[3]; }
};
}  // namespace ck
