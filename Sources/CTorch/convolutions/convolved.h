// What a convolution makes of a batch, in a training: all at once, or image by image.
#pragma once
#include "bands.h"
#include "convolve.h"

namespace ct {
template <class T>
struct Convolved {
  at::Tensor result;

  /// - Parameter mirrored: whether this is the way back, of the gradients of a result.
  Convolved(const Geometry &geometry, const at::Tensor &images, const at::Tensor &weight, bool mirrored,
            const float *bias)
      : result(at::empty(geometry.result_sizes(images.size(0)),
                         images.options().memory_format(at::MemoryFormat::ChannelsLast))),
        convolution(geometry), x(elements<T>(images)), end(x + images.numel()), height(images.size(2)),
        width(images.size(3)) {
    convolution.weight = arranged<T>(geometry, convolution.pieces, weight, mirrored, bias);
  }

  void make() const {
    const int64_t images = result.size(0);
    in_bands(images, convolution.geometry.out[0], convolution.fitting(), convolution.operations(images),
             [&](int64_t image, int64_t first, int64_t rows) { make(image, first, rows); });
  }
  void make(int64_t image) const {
    const int64_t all = convolution.geometry.out[0], fitting = convolution.fitting();
    for (int64_t first = 0; first < all; first += fitting) make(image, first, std::min(fitting, all - first));
  }

 private:
  DirectConvolution<T> convolution;
  const T *x, *end;
  int64_t height, width;

  void make(int64_t index, int64_t first, int64_t rows) const {
    const auto &geometry = convolution.geometry;
    const Image<T> image = {x + index * geometry.channels * height * width, geometry.channels, height, width};
    const int64_t row = geometry.out[1] * geometry.units;
    T *y = elements<T>(result) + (index * geometry.out[0] + first) * row;
    convolution.make(image, end, first, rows, {nullptr, y, row, geometry.units, /*fills=*/false, /*relu=*/false});
  }
};
}  // namespace ct
