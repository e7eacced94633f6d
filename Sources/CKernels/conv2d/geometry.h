// What a convolution reads and makes, forward or backward, of float32 or bfloat16.
#pragma once
#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "CKernels/conv2d.h"
#include "padding.h"

namespace ck {
/// Channels that share 32 bits.
template <class T>
constexpr int64_t together = 4 / sizeof(T);

/// A convolution, forward or, of gradients, backward to the images.
struct Geometry {
  int64_t units, channels, kernel[2], stride[2], dilation[2];
  /// Zeros above and left of the images, and how far apart their pixels are set.
  int64_t padding[2], up[2];
  int64_t out[2];

  /// Of a weight alone, units × C × d_h × d_w.
  static Geometry of(const Sizes &weight) { return {weight[0], weight[1], {weight[2], weight[3]}}; }
  /// - Parameters: the sizes of N×C×H×W images and of a weight, units × C × d_h × d_w.
  static Geometry forward(const Sizes &x, const Sizes &weight, const Conv2dOptions &options) {
    if (x[1] != weight[1]) {
      throw std::invalid_argument("expected " + std::to_string(weight[1]) + " channels, found " + std::to_string(x[1]));
    }
    Geometry geometry = of(weight);
    for (int i = 0; i < 2; i++) {
      geometry.stride[i] = options.stride[i];
      geometry.dilation[i] = options.dilation[i];
      geometry.padding[i] = options.padding[i];
      geometry.up[i] = 1;
      const int64_t reach = options.dilation[i] * (geometry.kernel[i] - 1) + 1;
      geometry.out[i] = (x[2 + i] + 2 * options.padding[i] - reach) / options.stride[i] + 1;
    }
    return geometry;
  }
  /// The gradient of the images is a convolution of that of the result, its pixels set apart by the stride, with the
  /// weight mirrored and units and channels exchanged.
  Geometry backward(const Sizes &x) const {
    Geometry geometry = *this;
    std::swap(geometry.units, geometry.channels);
    for (int i = 0; i < 2; i++) {
      geometry.stride[i] = 1;
      geometry.up[i] = stride[i];
      geometry.padding[i] = dilation[i] * (kernel[i] - 1) - padding[i];
      geometry.out[i] = x[2 + i];
    }
    return geometry;
  }

  Sizes result_sizes(int64_t images) const { return {images, units, out[0], out[1]}; }
  int64_t taps() const { return kernel[0] * kernel[1]; }
  /// Input pixels under so many of the output.
  int64_t under(int axis, int64_t count) const {
    return (count - 1) * stride[axis] + dilation[axis] * (kernel[axis] - 1) + 1;
  }
  /// What `rows` rows of the output read, from row `first` on.
  Window window(int64_t first) const {
    return {first * stride[0] - padding[0], -padding[1], under(1, out[1]), {up[0], up[1]}};
  }
  /// Elements of 32 bits to an input pixel.
  template <class T>
  int64_t pixel() const {
    return (channels + together<T> - 1) / together<T>;
  }
  /// Rows of the output whose input takes so many bytes, with so many elements of 32 bits to a pixel.
  int64_t rows_within(int64_t bytes, int64_t pixel) const {
    return std::max<int64_t>(1, bytes / (under(1, out[1]) * pixel * 4 * stride[0]));
  }
};
}  // namespace ck
