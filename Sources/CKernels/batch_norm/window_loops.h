// Batch norm, ReLU and the maximum over windows that do not overlap: the maximum commutes with what grows, so it is
// taken of x itself (the minimum where γ < 0), and a quarter of the values, for windows of 2×2, is all that norm, ReLU
// and their gradients' sums have to read.
//
// Vectors start at every sixteenth channel; the last one ends with the channels, over some that are done twice.
#pragma once
#include <algorithm>

#include "../simd.h"

namespace ck::batch_norm_loops {
using namespace simd;

/// One row of windows: the images' rows under it lie one behind the other.
struct Windows {
  int64_t count, channels, kernel[2];

  /// Elements of a row of the image.
  int64_t row() const { return count * kernel[1] * channels; }
  int64_t vectors() const { return (channels + width - 1) / width; }
  /// The first channel of a vector.
  int64_t first(int64_t vector) const { return std::min(vector * width, channels - width); }
};

/// Of each window the value that x·a is largest for; a NaN is.
template <class T>
CK_INLINE void largest_of_windows(const Windows &windows, const T *x, const float *a, T *largest) {
  for (int64_t vector = 0; vector < windows.vectors(); vector++) {
    const int64_t c = windows.first(vector);
    Vector scale;
    load(scale, a + c);
    const Bits sign = reinterpret_cast<Bits>(scale) & 0x80000000u;
    for (int64_t i = 0; i < windows.count; i++) {
      Bits best = {};
      for (int64_t h = 0; h < windows.kernel[0]; h++) {
        const T *from = x + h * windows.row() + i * windows.kernel[1] * windows.channels + c;
        for (int64_t w = 0; w < windows.kernel[1]; w++, from += windows.channels) {
          Vector v;
          load(v, from);
          const Bits turned = reinterpret_cast<Bits>(v) ^ sign;
          v = reinterpret_cast<Vector>(turned);
          const Bits better = reinterpret_cast<Bits>((v > reinterpret_cast<Vector>(best)) | (v != v));
          best = h + w == 0 ? turned : (turned & better) | (best & ~better);
        }
      }
      store(largest + i * windows.channels + c, reinterpret_cast<Vector>(best ^ sign));
    }
  }
}

/// dx = d·a + (x − mean)·k + c, where d is the gradient of the window, if it passes the ReLU, at the first place that
/// has its largest value, and zero elsewhere.
template <class T>
CK_INLINE void gradient_of_windows(const Windows &windows, const T *g, const T *largest, const T *x, const float *mean,
                                   const float *a, const float *b, const float *k, const float *constant, T *dx) {
  for (int64_t vector = 0; vector < windows.vectors(); vector++) {
    const int64_t c = windows.first(vector);
    Vector middle, scale, shift, slope, offset;
    load(middle, mean + c);
    load(scale, a + c);
    load(shift, b + c);
    load(slope, k + c);
    load(offset, constant + c);
    for (int64_t i = 0; i < windows.count; i++) {
      Vector d, best;
      load(d, g + i * windows.channels + c);
      load(best, largest + i * windows.channels + c);
      rectify(d, best * scale + shift);
      d *= scale;
      for (int64_t h = 0; h < windows.kernel[0]; h++) {
        const int64_t at = h * windows.row() + i * windows.kernel[1] * windows.channels + c;
        for (int64_t w = 0; w < windows.kernel[1]; w++) {
          Vector v;
          load(v, x + at + w * windows.channels);
          const Bits here = reinterpret_cast<Bits>(v == best), bits = reinterpret_cast<Bits>(d);
          store(dx + at + w * windows.channels,
                reinterpret_cast<Vector>(bits & here) + ((v - middle) * slope + offset));
          d = reinterpret_cast<Vector>(bits & ~here);
        }
      }
    }
  }
}
}  // namespace ck::batch_norm_loops
