// Convolutions of small images and few channels, where setting out takes oneDNN as long as computing.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include "direct.h"
#include "protect.h"
#include "team.h"

using namespace ct;
using lanes::width;

namespace {
/// A band's input with its padding stays in the first cache; what stands between two convolutions, in the second.
constexpr int64_t band_bytes = 32 << 10, between_bytes = 128 << 10;
/// Vector operations under which waking the other threads takes longer.
constexpr int64_t least_work = 100000;

/// A convolution of images of one size, with its weight and bias as `arrange` leaves them.
struct Work {
  int64_t images, channels, height, width, units, kernel[2], stride[2], padding[2], dilation[2], out[2];
  direct::Pieces pieces;
  const float *weight;

  /// `sizes`: of the images, N×C×H×W.
  Work(at::IntArrayRef sizes, const ct_direct_weights &own)
      : images(sizes[0]), channels(sizes[1]), height(sizes[2]), width(sizes[3]), units(own.sizes[0]),
        pieces(own.sizes[0], own.sizes[1], own.sizes[2] * own.sizes[3]),
        weight(in(own.packed).const_data_ptr<float>()) {
    TORCH_CHECK(channels == own.sizes[1], "expected ", own.sizes[1], " channels, found ", channels);
    for (int i = 0; i < 2; i++) {
      kernel[i] = own.sizes[2 + i];
      stride[i] = own.how.stride[i];
      padding[i] = own.how.padding[i];
      dilation[i] = own.how.dilation[i];
      out[i] = (sizes[2 + i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) / stride[i] + 1;
    }
  }

  std::vector<int64_t> shape() const { return {images, units, out[0], out[1]}; }
  bool pads() const { return padding[0] + padding[1] > 0; }
  int64_t padded_width() const { return width + 2 * padding[1]; }
  /// Input rows under so many rows of the output.
  int64_t rows_under(int64_t rows) const { return (rows - 1) * stride[0] + dilation[0] * (kernel[0] - 1) + 1; }
  int64_t operations() const { return images * out[0] * out[1] * pieces.operations; }
  /// Rows of the output whose input, with so many elements to a pixel, takes `bytes` about.
  int64_t rows_within(int64_t bytes, int64_t pixel) const {
    return std::max<int64_t>(1, bytes / (padded_width() * pixel * 4 * stride[0]));
  }
};

/// Rows of a result that are made at once, no more than fit, and so many that few images are shared among threads.
int64_t band(int64_t rows, int64_t fitting, int64_t images, int64_t operations) {
  const int64_t threads = at::get_num_threads(), wanted = operations < least_work || threads == 1 ? 1 : 2 * threads;
  const int64_t bands = std::min(rows, std::max((rows + fitting - 1) / fitting, (wanted + images - 1) / images));
  return (rows + bands - 1) / bands;
}

/// Calls `body(image, first row, rows)` for all bands, on all threads where that pays. Every sum is made in one order, so
/// nothing depends on how bands and threads share them.
template <class Body>
void in_bands(int64_t images, int64_t rows, int64_t fitting, int64_t operations, Body body) {
  const int64_t each = band(rows, fitting, images, operations), bands = (rows + each - 1) / each;
  auto one = [&](int64_t index) {
    const int64_t first = index % bands * each;
    body(index / bands, first, std::min(each, rows - first));
  };
  if (operations < least_work || at::get_num_threads() == 1) {
    for (int64_t index = 0; index < images * bands; index++) one(index);
  } else {
    on_team(images * bands, /*grain=*/1, one);
  }
}

/// Input rows in memory: elements from one to the next, and from a pixel to the next.
struct Rows {
  const float *x;
  int64_t row, pixel;
};

/// Where results go. `fills`: whether there is room for a piece's idle lanes, so that whole vectors are stored.
struct Target {
  const float *addend;
  float *y;
  int64_t row, pixel;
  bool fills, relu;
};

/// `rows` rows of the result, from an input that is padded.
void convolve(const Work &work, const Rows &from, int64_t rows, const Target &to) {
  direct::Strip in;
  in.row = work.dilation[0] * from.row;
  in.tap = work.dilation[1] * from.pixel;
  in.pixel = work.stride[1] * from.pixel;
  in.channels = work.channels;
  in.kernel_height = work.kernel[0];
  in.kernel_width = work.kernel[1];
  // Where a tap reads rows without a gap between them, and they are stored so, they are one.
  const bool are_one = work.kernel[1] * work.stride[0] * work.stride[1] == 1 &&
                       from.row == work.out[1] * from.pixel && to.row == work.out[1] * to.pixel;
  const int64_t together = are_one ? rows : 1;
  const float *bias = work.weight + work.pieces.size;
  for (const auto &piece : work.pieces.all) {
    in.weight = work.weight + piece.offset;
    in.weight_size = work.kernel[0] * work.kernel[1] * piece.steps(work.channels) * width;
    in.bias = bias;
    bias += piece.vectors * width;
    for (int64_t i = 0; i < rows; i += together) {
      in.x = from.x + i * work.stride[0] * from.row;
      const int64_t at = i * to.row + piece.first;
      direct::chosen_row()(together * work.out[1], piece, in,
                           {to.addend ? to.addend + at : nullptr, to.y + at, to.pixel,
                            to.fills ? piece.filled() : piece.units, to.relu});
    }
  }
}

/// The same from row `first` of the result on, of an image that is not padded yet.
void convolve(const Work &work, const float *image, int64_t first, int64_t rows, const Target &to) {
  const int64_t inner = work.width * work.channels, row = work.padded_width() * work.channels;
  first = first * work.stride[0] - work.padding[0];
  if (!work.pads()) return convolve(work, {image + first * inner, inner, work.channels}, rows, to);
  thread_local std::vector<float> padded;
  const int64_t under = work.rows_under(rows), side = work.padding[1] * work.channels;
  padded.resize(under * row);
  for (int64_t i = 0; i < under; i++) {
    float *into = padded.data() + i * row;
    if (first + i < 0 || first + i >= work.height) {
      std::fill_n(into, row, 0.0f);
      continue;
    }
    std::fill_n(into, side, 0.0f);
    memcpy(into + side, image + (first + i) * inner, inner * sizeof(float));
    std::fill_n(into + side + inner, side, 0.0f);
  }
  convolve(work, {padded.data(), row, work.channels}, rows, to);
}

/// Rows of the result of two convolutions, of which the second reads what the first makes: what stands between them is
/// made for these rows alone, padded as the second wants it, and never leaves the cache.
void convolve(const Work &one, const Work &two, const float *image, int64_t first, int64_t rows, const Target &to) {
  thread_local std::vector<float> between;
  const int64_t pixel = one.pieces.filled(), row = two.padded_width() * pixel, under = two.rows_under(rows);
  between.resize(under * row);
  const int64_t top = first * two.stride[0] - two.padding[0], side = two.padding[1] * pixel;
  for (int64_t i = 0; i < under; i++) {
    float *into = between.data() + i * row;
    if (top + i < 0 || top + i >= two.height) {
      std::fill_n(into, row, 0.0f);
    } else {
      std::fill_n(into, side, 0.0f);
      std::fill_n(into + row - side, side, 0.0f);
    }
  }
  const int64_t end = std::min(two.height, top + under), most = one.rows_within(band_bytes, one.channels);
  for (int64_t i = std::max<int64_t>(0, top); i < end; i += most) {
    convolve(one, image, i, std::min(most, end - i),
             {nullptr, between.data() + (i - top) * row + side, row, pixel, /*fills=*/true, /*relu=*/false});
  }
  convolve(two, {between.data(), row, pixel}, rows, to);
}

/// relu(what `two` makes of what `one`, if there is one, makes of the images, + addend).
at::Tensor convolution(const at::Tensor &x, const ct_tensor *addend, const ct_direct_weights *one,
                       const ct_direct_weights &own, bool relu) {
  at::NoGradGuard none;
  const auto channels_last = at::MemoryFormat::ChannelsLast;
  const auto images = x.contiguous(channels_last);
  TORCH_CHECK(images.scalar_type() == at::kFloat, "expected float32, found ", images.scalar_type());
  const auto before = one ? std::make_optional<Work>(images.sizes(), *one) : std::nullopt;
  const Work work(before ? before->shape() : images.sizes().vec(), own);
  auto y = at::empty(work.shape(), images.options().memory_format(channels_last));
  if (y.numel() == 0) return y;
  const auto other = addend ? in(addend).contiguous(channels_last) : at::Tensor();
  const float *from = images.const_data_ptr<float>(), *adds = addend ? other.const_data_ptr<float>() : nullptr;
  float *into = y.mutable_data_ptr<float>();
  const int64_t image_size = images.size(1) * images.size(2) * images.size(3), row = work.out[1] * work.units;
  const int64_t fitting = before ? work.rows_within(between_bytes, before->pieces.filled())
                                 : work.rows_within(band_bytes, work.channels);
  const int64_t operations = work.operations() + (before ? before->operations() : 0);
  in_bands(work.images, work.out[0], fitting, operations, [&](int64_t image, int64_t first, int64_t rows) {
    const int64_t at = (image * work.out[0] + first) * row;
    const Target to = {adds ? adds + at : nullptr, into + at, row, work.units, /*fills=*/false, relu};
    if (before) {
      convolve(*before, work, from + image * image_size, first, rows, to);
    } else {
      convolve(work, from + image * image_size, first, rows, to);
    }
  });
  return y;
}
}  // namespace

bool ct_convolves_directly(void) { return direct::chosen_row() != nullptr; }

ct_tensor *ct_direct_weight(const ct_tensor *weight, const ct_tensor *bias) {
  return tensor([&] {
    at::NoGradGuard none;
    const auto w = in(weight).contiguous();
    const int64_t units = w.size(0), channels = w.size(1), taps = w.size(2) * w.size(3);
    TORCH_CHECK(w.scalar_type() == at::kFloat && w.device().is_cpu(), "expected a weight of float32 on the CPU");
    const auto biases = bias ? in(bias).to(at::kFloat).contiguous() : at::Tensor();
    const direct::Pieces pieces(units, channels, taps);
    auto arranged = at::zeros({pieces.size + pieces.vectors * width}, w.options());
    direct::arrange(pieces, w.const_data_ptr<float>(), bias ? biases.const_data_ptr<float>() : nullptr, channels, taps,
                    arranged.mutable_data_ptr<float>());
    return arranged;
  });
}

ct_tensor *ct_direct_convolution(const ct_tensor *x, const ct_tensor *addend, const ct_direct_weights *before,
                                 const ct_direct_weights *weights, bool relu) {
  return tensor([&] { return convolution(in(x), addend, before, *weights, relu); });
}
