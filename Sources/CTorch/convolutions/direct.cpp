// Convolutions of small images and few channels in a network that is used, where setting out takes oneDNN as long as
// computing.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "bands.h"
#include "convolve.h"

using namespace ct;

namespace {
/// What stands between two convolutions stays in the second cache.
constexpr int64_t between_bytes = 128 << 10;

/// `sizes`: of the images, N×C×H×W.
DirectConvolution<float> ready(at::IntArrayRef sizes, const ct_direct_weights &own) {
  DirectConvolution<float> result(Geometry::forward(sizes, {own.sizes, 4}, own.how));
  result.weight = in(own.packed);
  return result;
}

/// Rows of the result of two convolutions, of which the second reads what the first makes: what stands between them is
/// made for these rows alone, padded as the second wants it, and never leaves the cache.
void make(const DirectConvolution<float> &one, const DirectConvolution<float> &two, const Image<float> &image,
          const float *end, int64_t first, int64_t rows, const Target<float> &to) {
  thread_local std::vector<float> between;
  const Window window = two.geometry.window(first);
  const int64_t height = one.geometry.out[0], width = one.geometry.out[1];
  const int64_t pixel = one.pieces.filled(), side = two.geometry.padding[1] * pixel;
  const int64_t row = width * pixel + 2 * side, under = two.geometry.under(0, rows);
  between.resize(under * row);
  for (int64_t i = 0; i < under; i++) {
    float *into = between.data() + i * row;
    if (window.row(i, height) < 0) {
      std::fill_n(into, row, 0.0f);
    } else {
      std::fill_n(into, side, 0.0f);
      std::fill_n(into + row - side, side, 0.0f);
    }
  }
  const int64_t last = std::min(height, window.top + under), most = one.fitting();
  for (int64_t i = std::max<int64_t>(0, window.top); i < last; i += most) {
    one.make(image, end, i, std::min(most, last - i),
             {nullptr, between.data() + (i - window.top) * row + side, row, pixel, /*fills=*/true, /*relu=*/false});
  }
  two.make({between.data(), row, pixel}, rows, to);
}

/// relu(what `two` makes of what `one`, if there is one, makes of the images, + addend).
at::Tensor convolution(const at::Tensor &x, const ct_tensor *addend, const ct_direct_weights *one,
                       const ct_direct_weights &own, bool relu) {
  at::NoGradGuard none;
  const auto channels_last = at::MemoryFormat::ChannelsLast;
  const auto images = x.contiguous(channels_last);
  TORCH_CHECK(images.scalar_type() == at::kFloat, "expected float32, found ", images.scalar_type());
  const auto before = one ? std::make_optional(ready(images.sizes(), *one)) : std::nullopt;
  const auto sizes = before ? before->geometry.result_sizes(images.size(0)) : at::DimVector(images.sizes());
  const auto last = ready(sizes, own);
  const auto &geometry = last.geometry;
  auto y = at::empty(geometry.result_sizes(images.size(0)), images.options().memory_format(channels_last));
  if (y.numel() == 0) return y;
  const auto other = addend ? in(addend).contiguous(channels_last) : at::Tensor();
  const float *from = images.const_data_ptr<float>(), *adds = addend ? other.const_data_ptr<float>() : nullptr;
  const float *end = from + images.numel();
  float *into = y.mutable_data_ptr<float>();
  const int64_t count = images.size(0), row = geometry.out[1] * geometry.units;
  const int64_t fitting = before ? geometry.rows_within(between_bytes, before->pieces.filled()) : last.fitting();
  const int64_t operations = last.operations(count) + (before ? before->operations(count) : 0);
  in_bands(count, geometry.out[0], fitting, operations, [&](int64_t index, int64_t first, int64_t rows) {
    const int64_t at = (index * geometry.out[0] + first) * row;
    const Target<float> to = {adds ? adds + at : nullptr, into + at, row, geometry.units, /*fills=*/false, relu};
    const int64_t channels = images.size(1), height = images.size(2), width = images.size(3);
    const Image<float> image = {from + index * channels * height * width, channels, height, width};
    if (before) {
      make(*before, last, image, end, first, rows, to);
    } else {
      last.make(image, end, first, rows, to);
    }
  });
  return y;
}
}  // namespace

bool ct_convolves_directly(void) { return direct::chosen_row<float>() != nullptr; }

ct_tensor *ct_direct_weight(const ct_tensor *weight, const ct_tensor *bias) {
  return tensor([&] {
    at::NoGradGuard none;
    const auto &w = in(weight);
    TORCH_CHECK(w.scalar_type() == at::kFloat && w.device().is_cpu(), "expected a weight of float32 on the CPU");
    const auto biases = bias ? in(bias).to(at::kFloat).contiguous() : at::Tensor();
    const DirectConvolution<float> convolution(Geometry::of(w.sizes()));
    return arranged<float>(convolution.geometry, convolution.pieces, w, /*mirrored=*/false,
                           bias ? biases.const_data_ptr<float>() : nullptr);
  });
}

ct_tensor *ct_direct_convolution(const ct_tensor *x, const ct_tensor *addend, const ct_direct_weights *before,
                                 const ct_direct_weights *weights, bool relu) {
  return tensor([&] { return convolution(in(x), addend, before, *weights, relu); });
}
