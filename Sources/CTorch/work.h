// A whole convolution of a training, on all threads.
#pragma once
#include <c10/util/SmallVector.h>

#include "bands.h"
#include "convolve.h"

namespace ct {
inline uint32_t rounded(float value) { return c10::detail::round_to_nearest_even(value); }

/// A weight as the loops read it; `mirrored`, for the way back.
template <class T>
std::vector<float> arranged(const Way &way, const direct::Pieces &pieces, const at::Tensor &weight, bool mirrored,
                            const float *bias) {
  std::vector<float> all(pieces.size + pieces.vectors * lanes::width);
  const float *from = weight.const_data_ptr<float>();
  const int64_t unit_stride = weight.stride(mirrored ? 1 : 0), stride = weight.stride(mirrored ? 0 : 1);
  c10::SmallVector<int64_t, 32> places;
  for (int64_t i = 0; i < way.kernel[0]; i++) {
    for (int64_t j = 0; j < way.kernel[1]; j++) places.push_back(i * weight.stride(2) + j * weight.stride(3));
  }
  if (mirrored) std::reverse(places.begin(), places.end());
  auto element = [&](int64_t unit, int64_t lane, int64_t tap) -> float {
    const int64_t c = lane * together<T>;
    const float *one = from + unit * unit_stride + c * stride + places[tap];
    if constexpr (together<T> == 1) return *one;
    const uint32_t bits = rounded(*one) | (c + 1 < way.channels ? rounded(one[stride]) << 16 : 0);
    float both;
    memcpy(&both, &bits, sizeof both);
    return both;
  };
  direct::arrange(pieces, element, bias, way.pixel<T>(), way.taps(), all.data());
  return all;
}

/// A convolution with its weight arranged, and where images and results are.
template <class T>
struct Work {
  Way way;
  direct::Pieces pieces;
  std::vector<float> weight;
  const T *x, *end;
  int64_t height, width;
  at::Tensor result;

  Work(const Way &way, const at::Tensor &images, const at::Tensor &weight, bool mirrored, const float *bias)
      : way(way), pieces(way.units, way.pixel<T>(), way.taps()),
        weight(arranged<T>(way, pieces, weight, mirrored, bias)), x(elements<T>(images)), end(x + images.numel()),
        height(images.size(2)), width(images.size(3)),
        result(at::empty(way.result_sizes(images.size(0)),
                         images.options().memory_format(at::MemoryFormat::ChannelsLast))) {}

  /// The whole result.
  at::Tensor made() const {
    const int64_t operations = result.size(0) * way.out[0] * way.out[1] * pieces.operations;
    in_bands(result.size(0), way.out[0], fitting(), operations,
             [&](int64_t image, int64_t first, int64_t rows) { make(image, first, rows); });
    return result;
  }
  /// The result for one image.
  void make(int64_t index) const {
    for (int64_t first = 0; first < way.out[0]; first += fitting()) {
      make(index, first, std::min(fitting(), way.out[0] - first));
    }
  }

 private:
  int64_t fitting() const { return way.rows_within(band_bytes, way.pixel<T>()); }

  /// `rows` rows of it, from row `first` on.
  void make(int64_t index, int64_t first, int64_t rows) const {
    const Image<T> image = {x + index * way.channels * height * width, way.channels, height, width};
    const int64_t row = way.out[1] * way.units;
    T *y = elements<T>(result) + (index * way.out[0] + first) * row;
    convolve<T>(way, pieces, weight.data(), image, end, first, rows,
                {nullptr, y, row, way.units, /*fills=*/false, /*relu=*/false});
  }
};
}  // namespace ct
