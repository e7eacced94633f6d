// A convolution of a batch in training: of all images at once, or image by image.
#pragma once
#include "direct_conv2d.h"
#include "row_tiles.h"

namespace ck {
template <class T>
class BatchConv2d {
 public:
  /// - Parameter mirrored: whether this is the way back, of the gradients of a result.
  BatchConv2d(const Geometry &geometry, const Images<const T> &x, const Weight &weight, bool mirrored,
              const float *bias, T *y)
      : convolution(geometry), packed(zeros(convolution.packed_count())), x(x), y(y) {
    pack<T>(geometry, convolution.tiles, weight, mirrored, bias, packed.get());
    convolution.weight = packed.get();
  }

  void run(const Parallel &parallel) const {
    const int64_t images = x.sizes[0];
    for_each_row_tile(parallel, images, convolution.geometry.out[0], convolution.fitting(),
                      convolution.operations(images),
                      [&](int64_t image, int64_t first, int64_t rows) { run(image, first, rows); });
  }
  void run(int64_t image) const {
    const int64_t all = convolution.geometry.out[0], fitting = convolution.fitting();
    for (int64_t first = 0; first < all; first += fitting) run(image, first, std::min(fitting, all - first));
  }

 private:
  DirectConv2d<T> convolution;
  Buffer packed;
  Images<const T> x;
  T *y;

  void run(int64_t index, int64_t first, int64_t rows) const {
    const auto &geometry = convolution.geometry;
    const Image<T> image = {x.data + index * x.each(), x.sizes[1], x.sizes[2], x.sizes[3]};
    const int64_t row = geometry.out[1] * geometry.units;
    convolution.run(image, x.data + count(x.sizes), first, rows,
                    {nullptr, y + (index * geometry.out[0] + first) * row, row, geometry.units, /*fills=*/false,
                     /*relu=*/false});
  }
};
}  // namespace ck
