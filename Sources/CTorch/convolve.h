// Rows of a direct convolution's result, from rows of images in memory.
#pragma once
#include "direct.h"
#include "way.h"

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

/// `rows` rows of the result, from an input that is padded; `weight` as `arrange` leaves it.
template <class T>
void convolve(const Way &way, const direct::Pieces &pieces, const float *weight, const Rows &from, int64_t rows,
              const Target<T> &to) {
  direct::Strip in;
  in.row = way.dilation[0] * from.row;
  in.tap = way.dilation[1] * from.pixel;
  in.pixel = way.stride[1] * from.pixel;
  in.channels = way.pixel<T>();
  in.kernel_height = way.kernel[0];
  in.kernel_width = way.kernel[1];
  // Where a tap reads rows without a gap between them, and they are stored so, they are one.
  const bool are_one = way.kernel[1] * way.stride[0] * way.stride[1] == 1 && from.row == way.out[1] * from.pixel &&
                       to.row == way.out[1] * to.pixel;
  const int64_t at_once = are_one ? rows : 1;
  const float *bias = weight + pieces.size;
  for (const auto &piece : pieces.all) {
    in.weight = weight + piece.offset;
    in.weight_size = way.taps() * piece.steps(in.channels) * lanes::width;
    in.bias = bias;
    bias += piece.vectors * lanes::width;
    for (int64_t i = 0; i < rows; i += at_once) {
      in.x = from.x + i * way.stride[0] * from.row;
      const int64_t at = i * to.row + piece.first;
      direct::chosen_row<T>()(at_once * way.out[1], piece, in,
                              {to.addend ? to.addend + at : nullptr, to.y + at, to.pixel,
                               to.fills ? piece.filled() : piece.units, to.relu});
    }
  }
}

/// The same from row `first` of the result on, of an image that is not padded yet; `end` is where memory that may be read
/// ends.
template <class T>
void convolve(const Way &way, const direct::Pieces &pieces, const float *weight, const Image<T> &image, const T *end,
              int64_t first, int64_t rows, const Target<T> &to) {
  const int64_t pixel = way.pixel<T>(), under = way.under(0, rows);
  const Window window = way.window(first);
  const bool is_ready = way.channels == together<T> * pixel && way.up[0] * way.up[1] == 1 && window.left == 0 &&
                        window.top >= 0 && window.top + under <= image.height && window.width <= image.width;
  if (is_ready) {
    const T *from = image.x + window.top * image.width * image.channels;
    return convolve(way, pieces, weight, {reinterpret_cast<const float *>(from), image.width * pixel, pixel}, rows, to);
  }
  thread_local std::vector<T> padded;
  const int64_t row = window.width * pixel * together<T>;
  padded.resize(under * row);
  for (int64_t i = 0; i < under; i++) copy_row(image, window, i, pixel * together<T>, end, padded.data() + i * row);
  const auto *from = reinterpret_cast<const float *>(padded.data());
  convolve(way, pieces, weight, {from, window.width * pixel, pixel}, rows, to);
}
}  // namespace ct
