// The entry points of a training's convolutions.
#include <optional>

#include "weight_gradient.h"

using namespace ck;

Sizes ck::conv2d_sizes(const Sizes &x, const Sizes &weight, const Conv2dOptions &options) {
  return Geometry::forward(x, weight, options).result_sizes(x[0]);
}

WeightGradientLayout ck::weight_gradient_layout(const Sizes &x, const Sizes &weight, int64_t bytes_of_element) {
  return layout(Geometry::of(weight), x[0], /*together=*/4 / bytes_of_element);
}

template <class T>
void ck::conv2d(const Images<const T> &x, const Weight &weight, const float *bias, const Conv2dOptions &options, T *y,
                const Parallel &parallel) {
  BatchConv2d<T>(Geometry::forward(x.sizes, weight.sizes, options), x, weight, /*mirrored=*/false, bias, y)
      .run(parallel);
}

template <class T>
void ck::conv2d_backward(const Images<const T> &x, const Weight &weight, const T *g, const Conv2dOptions &options,
                         T *dx, float *partials, const Parallel &parallel) {
  const Geometry geometry = Geometry::forward(x.sizes, weight.sizes, options);
  const Images<const T> gradients = {g, geometry.result_sizes(x.sizes[0])};
  std::optional<BatchConv2d<T>> images;
  if (dx) images.emplace(geometry.backward(x.sizes), gradients, weight, /*mirrored=*/true, nullptr, dx);
  if (partials) {
    accumulate_weight_gradient<T>(geometry, x, gradients, images ? &*images : nullptr, partials, parallel);
  } else if (images) {
    images->run(parallel);
  }
}

template void ck::conv2d(const Images<const float> &, const Weight &, const float *, const Conv2dOptions &, float *,
                         const Parallel &);
template void ck::conv2d(const Images<const uint16_t> &, const Weight &, const float *, const Conv2dOptions &,
                         uint16_t *, const Parallel &);
template void ck::conv2d_backward(const Images<const float> &, const Weight &, const float *, const Conv2dOptions &,
                                  float *, float *, const Parallel &);
template void ck::conv2d_backward(const Images<const uint16_t> &, const Weight &, const uint16_t *,
                                  const Conv2dOptions &, uint16_t *, float *, const Parallel &);
