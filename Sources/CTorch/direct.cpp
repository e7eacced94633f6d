// Convolutions of small images and few channels, where setting out takes oneDNN as long as computing.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "bands.h"
#include "convolve.h"
#include "protect.h"

using namespace ct;
using lanes::width;

namespace {
/// What stands between two convolutions stays in the second cache.
constexpr int64_t between_bytes = 128 << 10;

/// A convolution of images of one size, with its weight and bias as `arrange` leaves them.
struct Ready {
  int64_t images, height, width;
  Way way;
  direct::Pieces pieces;
  const float *weight;

  /// `sizes`: of the images, N×C×H×W.
  Ready(at::IntArrayRef sizes, const ct_direct_weights &own)
      : images(sizes[0]), height(sizes[2]), width(sizes[3]), way(Way::forward(sizes, {own.sizes, 4}, own.how)),
        pieces(way.units, way.channels, way.taps()), weight(in(own.packed).const_data_ptr<float>()) {}

  int64_t operations() const { return images * way.out[0] * way.out[1] * pieces.operations; }
  void make(const float *image, const float *end, int64_t first, int64_t rows, const Target<float> &to) const {
    convolve<float>(way, pieces, weight, {image, way.channels, height, width}, end, first, rows, to);
  }
};

/// Rows of the result of two convolutions, of which the second reads what the first makes: what stands between them is
/// made for these rows alone, padded as the second wants it, and never leaves the cache.
void make(const Ready &one, const Ready &two, const float *image, const float *end, int64_t first, int64_t rows,
          const Target<float> &to) {
  thread_local std::vector<float> between;
  const Window window = two.way.window(first);
  const int64_t pixel = one.pieces.filled(), padding = two.way.padding[1];
  const int64_t row = (two.width + 2 * padding) * pixel, under = two.way.under(0, rows), side = padding * pixel;
  between.resize(under * row);
  for (int64_t i = 0; i < under; i++) {
    float *into = between.data() + i * row;
    if (window.row(i, two.height) < 0) {
      std::fill_n(into, row, 0.0f);
    } else {
      std::fill_n(into, side, 0.0f);
      std::fill_n(into + row - side, side, 0.0f);
    }
  }
  const int64_t last = std::min(two.height, window.top + under), most = one.way.rows_within(band_bytes, one.way.channels);
  for (int64_t i = std::max<int64_t>(0, window.top); i < last; i += most) {
    one.make(image, end, i, std::min(most, last - i),
             {nullptr, between.data() + (i - window.top) * row + side, row, pixel, /*fills=*/true, /*relu=*/false});
  }
  convolve(two.way, two.pieces, two.weight, {between.data(), row, pixel}, rows, to);
}

/// relu(what `two` makes of what `one`, if there is one, makes of the images, + addend).
at::Tensor convolution(const at::Tensor &x, const ct_tensor *addend, const ct_direct_weights *one,
                       const ct_direct_weights &own, bool relu) {
  at::NoGradGuard none;
  const auto channels_last = at::MemoryFormat::ChannelsLast;
  const auto images = x.contiguous(channels_last);
  TORCH_CHECK(images.scalar_type() == at::kFloat, "expected float32, found ", images.scalar_type());
  const auto before = one ? std::make_optional<Ready>(images.sizes(), *one) : std::nullopt;
  const Ready work(before ? at::IntArrayRef(before->way.result_sizes(before->images)) : images.sizes(), own);
  auto y = at::empty(work.way.result_sizes(work.images), images.options().memory_format(channels_last));
  if (y.numel() == 0) return y;
  const auto other = addend ? in(addend).contiguous(channels_last) : at::Tensor();
  const float *from = images.const_data_ptr<float>(), *adds = addend ? other.const_data_ptr<float>() : nullptr;
  const float *end = from + images.numel();
  float *into = y.mutable_data_ptr<float>();
  const int64_t image_size = images.size(1) * images.size(2) * images.size(3), row = work.way.out[1] * work.way.units;
  const int64_t fitting = before ? work.way.rows_within(between_bytes, before->pieces.filled())
                                 : work.way.rows_within(band_bytes, work.way.channels);
  const int64_t operations = work.operations() + (before ? before->operations() : 0);
  in_bands(work.images, work.way.out[0], fitting, operations, [&](int64_t image, int64_t first, int64_t rows) {
    const int64_t at = (image * work.way.out[0] + first) * row;
    const Target<float> to = {adds ? adds + at : nullptr, into + at, row, work.way.units, /*fills=*/false, relu};
    if (before) {
      make(*before, work, from + image * image_size, end, first, rows, to);
    } else {
      work.make(from + image * image_size, end, first, rows, to);
    }
  });
  return y;
}
}  // namespace

bool ct_convolves_directly(void) { return direct::chosen_row<float>() != nullptr; }

ct_tensor *ct_direct_weight(const ct_tensor *weight, const ct_tensor *bias) {
  return tensor([&] {
    at::NoGradGuard none;
    const auto w = in(weight).contiguous();
    const int64_t units = w.size(0), channels = w.size(1), taps = w.size(2) * w.size(3);
    TORCH_CHECK(w.scalar_type() == at::kFloat && w.device().is_cpu(), "expected a weight of float32 on the CPU");
    const auto biases = bias ? in(bias).to(at::kFloat).contiguous() : at::Tensor();
    const direct::Pieces pieces(units, channels, taps);
    auto arranged = at::zeros({pieces.size + pieces.vectors * width}, w.options());
    const float *values = w.const_data_ptr<float>();
    auto element = [=](int64_t unit, int64_t c, int64_t tap) { return values[(unit * channels + c) * taps + tap]; };
    direct::arrange(pieces, element, bias ? biases.const_data_ptr<float>() : nullptr, channels, taps,
                    arranged.mutable_data_ptr<float>());
    return arranged;
  });
}

ct_tensor *ct_direct_convolution(const ct_tensor *x, const ct_tensor *addend, const ct_direct_weights *before,
                                 const ct_direct_weights *weights, bool relu) {
  return tensor([&] { return convolution(in(x), addend, before, *weights, relu); });
}
