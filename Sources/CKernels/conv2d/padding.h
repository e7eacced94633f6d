// Rows of images as the loops of convolutions read them: with padding, in whole pairs of channels, interleaved.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>

namespace ck {
/// One image, channels last.
template <class T>
struct Image {
  const T *x;
  int64_t channels, height, width;
};

/// What a convolution reads of an image: `width` pixels of every row, from `top` and `left` on, which may lie outside,
/// where zeros are. With `up` the image's pixels lie so far apart, with zeros between them.
struct Window {
  int64_t top, left, width, up[2];

  /// The row of an image of so many at so many rows below `top`, or -1 for one of zeros.
  int64_t row(int64_t index, int64_t height) const {
    const int64_t at = top + index;
    return at < 0 || at % up[0] != 0 || at / up[0] >= height ? -1 : at / up[0];
  }
};

/// Copies row `index` of the window, `channels` to a pixel, the image's own or one more; `end` is where memory that may
/// be read ends.
template <class T>
void copy_row(const Image<T> &image, const Window &window, int64_t index, int64_t channels, const T *end, T *to) {
  const int64_t row = window.row(index, image.height), own = image.channels;
  const int64_t first = std::max<int64_t>(0, -window.left);
  const int64_t last = std::min(window.width, (image.width - 1) * window.up[1] + 1 - window.left);
  if (row < 0 || last <= first) {
    std::fill_n(to, window.width * channels, T(0));
    return;
  }
  const T *from = image.x + row * image.width * own;
  if (window.up[1] == 1) {
    const T *pixel = from + (first + window.left) * own;
    T *into = to + first * channels, *behind = to + last * channels;
    std::fill(to, into, T(0));
    std::fill_n(behind, (window.width - last) * channels, T(0));
    if (own == channels) {
      memcpy(into, pixel, (behind - into) * sizeof *to);
      return;
    }
    constexpr int64_t some = 16;  // as many are copied at once, over the next pixel, which then comes itself
    const int64_t rounded = (own + some - 1) / some * some;
    for (; into < behind; into += channels, pixel += own) {
      if (pixel + rounded <= end && into + rounded <= behind) {
        for (int64_t c = 0; c < rounded; c += some) memcpy(into + c, pixel + c, some * sizeof *to);
      } else {
        memcpy(into, pixel, own * sizeof *to);
      }
      into[own] = 0;
    }
    return;
  }
  std::fill_n(to, window.width * channels, T(0));
  int64_t p = first;
  while ((p + window.left) % window.up[1] != 0) p++;
  for (; p < last; p += window.up[1]) {
    memcpy(to + p * channels, from + (p + window.left) / window.up[1] * own, own * sizeof *to);
  }
}

/// Elements of two images side by side in 32 bits.
#if defined(__x86_64__)
__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"), min_vector_width(512)))
#endif
inline void interleave(const uint16_t *one, const uint16_t *two, int64_t count, uint32_t *to) {
  for (int64_t i = 0; i < count; i++) to[i] = one[i] | static_cast<uint32_t>(two[i]) << 16;
}

/// The same for row `index` of the window in both images, whose pixels are not set apart.
inline void interleave_row(const Image<uint16_t> (&images)[2], const Window &window, int64_t index, uint32_t *to) {
  const auto &one = images[0];
  const int64_t c = one.channels, row = window.row(index, one.height);
  const int64_t first = std::max<int64_t>(0, -window.left), last = std::min(window.width, one.width - window.left);
  if (row < 0 || last <= first) {
    std::fill_n(to, window.width * c, 0u);
    return;
  }
  const int64_t from = (row * one.width + first + window.left) * c;
  std::fill_n(to, first * c, 0u);
  interleave(one.x + from, images[1].x + from, (last - first) * c, to + first * c);
  std::fill_n(to + last * c, (window.width - last) * c, 0u);
}
}  // namespace ck
