// A direct convolution: rows of its result, from rows of images in memory.
#pragma once
#include <c10/util/SmallVector.h>

#include "direct.h"
#include "geometry.h"

namespace ct {
/// A band's input with its padding stays in the first cache.
constexpr int64_t band_bytes = 32 << 10;

/// Input rows in memory, padded: elements of 32 bits from one to the next, and from a pixel to the next.
struct Rows {
  const float *x;
  int64_t row, pixel;
};

/// Where results go. `fills`: whether there is room for a piece's idle lanes, so that whole vectors are stored.
template <class T>
struct Target {
  const T *addend;
  T *y;
  int64_t row, pixel;
  bool fills, relu;
};

/// A weight as the loops read it, with the bias behind; `mirrored`, with units and channels exchanged, for the way back.
template <class T>
at::Tensor arranged(const Geometry &geometry, const direct::Pieces &pieces, const at::Tensor &weight, bool mirrored,
                    const float *bias) {
  auto all = at::zeros({pieces.size + pieces.vectors * lanes::width}, at::kFloat);
  const float *from = weight.const_data_ptr<float>();
  const int64_t unit_stride = weight.stride(mirrored ? 1 : 0), stride = weight.stride(mirrored ? 0 : 1);
  c10::SmallVector<int64_t, 32> taps;
  for (int64_t i = 0; i < geometry.kernel[0]; i++) {
    for (int64_t j = 0; j < geometry.kernel[1]; j++) taps.push_back(i * weight.stride(2) + j * weight.stride(3));
  }
  if (mirrored) std::reverse(taps.begin(), taps.end());
  auto rounded = [](float value) { return uint32_t(c10::detail::round_to_nearest_even(value)); };
  auto element = [&](int64_t unit, int64_t lane, int64_t tap) -> float {
    const int64_t c = lane * together<T>;
    const float *one = from + unit * unit_stride + c * stride + taps[tap];
    if constexpr (together<T> == 1) return *one;
    const uint32_t bits = rounded(*one) | (c + 1 < geometry.channels ? rounded(one[stride]) << 16 : 0);
    float both;
    memcpy(&both, &bits, sizeof both);
    return both;
  };
  direct::arrange(pieces, element, bias, geometry.pixel<T>(), geometry.taps(), all.mutable_data_ptr<float>());
  return all;
}

template <class T>
struct DirectConvolution {
  Geometry geometry;
  direct::Pieces pieces;
  /// As `arranged` gives it.
  at::Tensor weight;

  explicit DirectConvolution(const Geometry &geometry)
      : geometry(geometry), pieces(geometry.units, geometry.pixel<T>(), geometry.taps()) {}

  int64_t operations(int64_t images) const { return images * geometry.out[0] * geometry.out[1] * pieces.operations; }
  /// Rows of the result whose input stays in the first cache.
  int64_t fitting() const { return geometry.rows_within(band_bytes, geometry.pixel<T>()); }

  /// `rows` rows of the result, from an input that is padded.
  void make(const Rows &from, int64_t rows, const Target<T> &to) const {
    direct::Strip in;
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
    const float *own = weight.const_data_ptr<float>(), *bias = own + pieces.size;
    for (const auto &piece : pieces.all) {
      in.weight = own + piece.offset;
      in.weight_size = geometry.taps() * piece.steps(in.channels) * lanes::width;
      in.bias = bias;
      bias += piece.vectors * lanes::width;
      for (int64_t i = 0; i < rows; i += at_once) {
        in.x = from.x + i * geometry.stride[0] * from.row;
        const int64_t at = i * to.row + piece.first;
        direct::chosen_row<T>()(at_once * geometry.out[1], piece, in,
                                {to.addend ? to.addend + at : nullptr, to.y + at, to.pixel,
                                 to.fills ? piece.filled() : piece.units, to.relu});
      }
    }
  }

  /// The same from row `first` of the result on, of an image that is not padded yet; `end` is where memory that may be
  /// read ends.
  void make(const Image<T> &image, const T *end, int64_t first, int64_t rows, const Target<T> &to) const {
    const int64_t pixel = geometry.pixel<T>(), under = geometry.under(0, rows);
    const Window window = geometry.window(first);
    const bool is_ready = geometry.channels == together<T> * pixel && geometry.up[0] * geometry.up[1] == 1 &&
                          window.left == 0 && window.top >= 0 && window.top + under <= image.height &&
                          window.width <= image.width;
    if (is_ready) {
      const T *from = image.x + window.top * image.width * image.channels;
      return make({reinterpret_cast<const float *>(from), image.width * pixel, pixel}, rows, to);
    }
    thread_local std::vector<T> padded;
    const int64_t row = window.width * pixel * together<T>;
    padded.resize(under * row);
    for (int64_t i = 0; i < under; i++) copy_row(image, window, i, pixel * together<T>, end, padded.data() + i * row);
    make({reinterpret_cast<const float *>(padded.data()), window.width * pixel, pixel}, rows, to);
  }
};
}  // namespace ct
