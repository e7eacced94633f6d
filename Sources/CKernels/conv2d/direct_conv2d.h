// A direct convolution: rows of its result, from rows of images in memory.
#pragma once
#include <algorithm>
#include <cstring>
#include <vector>

#include "../memory.h"
#include "geometry.h"
#include "micro_kernel.h"

namespace ck {
/// A row tile's input with its padding stays in the first cache.
constexpr int64_t row_tile_bytes = 32 << 10;

/// Input rows in memory, padded: elements of 32 bits from one to the next, and from a pixel to the next.
struct Rows {
  const float *x;
  int64_t row, pixel;
};

/// Where results go. `fills`: whether there is room for a tile's idle lanes, so that whole vectors are stored.
template <class T>
struct Target {
  const T *addend;
  T *y;
  int64_t row, pixel;
  bool fills, relu;
};

/// The bits of the nearest bfloat16, ties to even; NaN stays NaN.
inline uint32_t bfloat16_bits(float value) {
  if (value != value) return 0x7fc0;
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

/// A weight as the loops read it, with the bias behind; `mirrored`, with units and channels exchanged, for the way
/// back.
template <class T>
void pack(const Geometry &geometry, const ChannelTiles &tiles, const Weight &weight, bool mirrored, const float *bias,
          float *into) {
  const int64_t unit_stride = weight.strides[mirrored ? 1 : 0], stride = weight.strides[mirrored ? 0 : 1];
  std::vector<int64_t> taps;
  taps.reserve(geometry.taps());
  for (int64_t i = 0; i < geometry.kernel[0]; i++) {
    for (int64_t j = 0; j < geometry.kernel[1]; j++) taps.push_back(i * weight.strides[2] + j * weight.strides[3]);
  }
  if (mirrored) std::reverse(taps.begin(), taps.end());
  auto element = [&](int64_t unit, int64_t lane, int64_t tap) -> float {
    const int64_t c = lane * together<T>;
    const float *one = weight.data + unit * unit_stride + c * stride + taps[tap];
    if constexpr (together<T> == 1) return *one;
    const uint32_t bits = bfloat16_bits(*one) | (c + 1 < geometry.channels ? bfloat16_bits(one[stride]) << 16 : 0);
    float both;
    memcpy(&both, &bits, sizeof both);
    return both;
  };
  pack(tiles, element, bias, geometry.pixel<T>(), geometry.taps(), into);
}

template <class T>
struct DirectConv2d {
  Geometry geometry;
  ChannelTiles tiles;
  /// As `pack` arranges it.
  const float *weight = nullptr;

  explicit DirectConv2d(const Geometry &geometry)
      : geometry(geometry), tiles(geometry.units, geometry.pixel<T>(), geometry.taps()) {}

  /// Elements of the packed weight, with biases.
  int64_t packed_count() const { return tiles.size + tiles.vectors * simd::width; }
  int64_t operations(int64_t images) const { return images * geometry.out[0] * geometry.out[1] * tiles.operations; }
  /// Rows of the result whose input stays in the first cache.
  int64_t fitting() const { return geometry.rows_within(row_tile_bytes, geometry.pixel<T>()); }

  /// `rows` rows of the result, from an input that is padded.
  void run(const Rows &from, int64_t rows, const Target<T> &to) const {
    micro_kernel::Strip in;
    in.row = geometry.dilation[0] * from.row;
    in.tap = geometry.dilation[1] * from.pixel;
    in.pixel = geometry.stride[1] * from.pixel;
    in.channels = geometry.pixel<T>();
    in.kernel_height = geometry.kernel[0];
    in.kernel_width = geometry.kernel[1];
    // Where a tap reads rows without a gap between them, and they are stored so, they are one.
    const bool are_one = geometry.kernel[1] * geometry.stride[0] * geometry.stride[1] == 1 &&
                         from.row == geometry.out[1] * from.pixel && to.row == geometry.out[1] * to.pixel;
    const int64_t at_once = are_one ? rows : 1;
    const float *bias = weight + tiles.size;
    for (int64_t index = 0; index < tiles.count(); index++) {
      const ChannelTile tile = tiles[index];
      in.weight = weight + tile.offset;
      in.weight_size = geometry.taps() * tile.steps(in.channels) * simd::width;
      in.bias = bias;
      bias += tile.vectors * simd::width;
      for (int64_t i = 0; i < rows; i += at_once) {
        in.x = from.x + i * geometry.stride[0] * from.row;
        const int64_t at = i * to.row + tile.first;
        micro_kernel::chosen_row<T>()(at_once * geometry.out[1], tile, in,
                                      {to.addend ? to.addend + at : nullptr, to.y + at, to.pixel,
                                       to.fills ? tile.filled() : tile.units, to.relu});
      }
    }
  }

  /// The same from row `first` of the result on, of an image that is not padded yet; `end` is where memory that may be
  /// read ends.
  void run(const Image<T> &image, const T *end, int64_t first, int64_t rows, const Target<T> &to) const {
    const int64_t pixel = geometry.pixel<T>(), under = geometry.under(0, rows);
    const Window window = geometry.window(first);
    const bool is_ready = geometry.channels == together<T> * pixel && geometry.up[0] * geometry.up[1] == 1 &&
                          window.left == 0 && window.top >= 0 && window.top + under <= image.height &&
                          window.width <= image.width;
    if (is_ready) {
      const T *from = image.x + window.top * image.width * image.channels;
      return run({reinterpret_cast<const float *>(from), image.width * pixel, pixel}, rows, to);
    }
    thread_local std::vector<T> padded;
    const int64_t row = window.width * pixel * together<T>;
    padded.resize(under * row);
    for (int64_t i = 0; i < under; i++) copy_row(image, window, i, pixel * together<T>, end, padded.data() + i * row);
    run({reinterpret_cast<const float *>(padded.data()), window.width * pixel, pixel}, rows, to);
  }
};
}  // namespace ck
