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
/// A band's input with its padding stays in the first cache.
constexpr int64_t band_bytes = 32 << 10;
/// Vector operations under which waking the other threads takes longer.
constexpr int64_t least_work = 100000;
/// Pixels in a row under which the last few of each would cost too much.
constexpr int64_t shortest_row = 64;

struct Work {
  int64_t images, channels, height, width, units, kernel[2], stride[2], padding[2], dilation[2];
  /// Rows of the result and pixels in a row, as they are walked over; see the end of the constructor.
  int64_t out[2];
  std::vector<int64_t> shape;

  Work(const at::Tensor &x, const ct_convolution &how, const int64_t *weight_sizes)
      : images(x.size(0)), channels(x.size(1)), height(x.size(2)), width(x.size(3)), units(weight_sizes[0]) {
    for (int i = 0; i < 2; i++) {
      kernel[i] = weight_sizes[2 + i];
      stride[i] = how.stride[i];
      padding[i] = how.padding[i];
      dilation[i] = how.dilation[i];
      out[i] = (x.size(2 + i) + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) / stride[i] + 1;
    }
    shape = {images, units, out[0], out[1]};
    if (kernel[0] * kernel[1] * stride[0] * stride[1] > 1 || pads()) return;
    // A 1×1 convolution knows no rows: short ones are put together.
    int64_t together = 1;
    while (together < height && (height % together > 0 || together * width < shortest_row)) together++;
    height = out[0] = height / together;
    width = out[1] = width * together;
  }

  bool pads() const { return padding[0] + padding[1] > 0; }
  int64_t padded_width() const { return width + 2 * padding[1]; }
  /// Input rows under so many rows of the output.
  int64_t rows_under(int64_t rows) const { return (rows - 1) * stride[0] + dilation[0] * (kernel[0] - 1) + 1; }
  int64_t blocks() const { return (units + ::width - 1) / ::width; }
  int64_t block_size() const { return kernel[0] * kernel[1] * channels * ::width; }
  int64_t operations() const { return images * out[0] * out[1] * blocks() * kernel[0] * kernel[1] * channels; }

  /// Rows of the output that are made at once.
  int64_t band() const {
    const int64_t fitting = std::max<int64_t>(1, band_bytes / (padded_width() * channels * 4 * stride[0]));
    int64_t bands = (out[0] + fitting - 1) / fitting;
    // Few images are shared among threads by their bands.
    const int64_t wanted = operations() < least_work ? 1 : 2 * at::get_num_threads();
    bands = std::min(out[0], std::max(bands, (wanted + images - 1) / images));
    return (out[0] + bands - 1) / bands;
  }
};

/// The rows of `image` from `first` on with zeros where there are none, and at both sides.
void pad(const Work &work, const float *image, int64_t first, int64_t rows, float *into) {
  const int64_t side = work.padding[1] * work.channels, inner = work.width * work.channels;
  for (int64_t i = 0; i < rows; i++) {
    const int64_t row = first + i;
    float *to = into + i * work.padded_width() * work.channels;
    if (row < 0 || row >= work.height) {
      std::fill_n(to, inner + 2 * side, 0.0f);
      continue;
    }
    std::fill_n(to, side, 0.0f);
    memcpy(to + side, image + row * inner, inner * sizeof(float));
    std::fill_n(to + side + inner, side, 0.0f);
  }
}

struct Memory {
  const float *x, *addend, *weight, *bias;
  float *y;
};

void convolve(const Work &work, const Memory &memory, bool relu, int64_t image, int64_t first, int64_t rows) {
  const float *x = memory.x + image * work.height * work.width * work.channels;
  if (work.pads()) {
    thread_local std::vector<float> padded;
    const int64_t under = work.rows_under(rows);
    padded.resize(under * work.padded_width() * work.channels);
    pad(work, x, first * work.stride[0] - work.padding[0], under, padded.data());
    x = padded.data();
  } else {
    x += first * work.stride[0] * work.width * work.channels;
  }
  direct::Strip in;
  in.row = work.dilation[0] * work.padded_width() * work.channels;
  in.tap = work.dilation[1] * work.channels;
  in.pixel = work.stride[1] * work.channels;
  in.channels = work.channels;
  in.kernel_height = work.kernel[0];
  in.kernel_width = work.kernel[1];
  in.weight_size = work.block_size();
  const int64_t blocks = work.blocks();
  for (int64_t block = 0; block < blocks;) {
    const int64_t vectors = std::min<int64_t>(2, blocks - block);
    in.weight = memory.weight + block * in.weight_size;
    in.bias = memory.bias + block * width;
    for (int64_t i = 0; i < rows; i++) {
      in.x = x + i * work.stride[0] * work.padded_width() * work.channels;
      const int64_t at = ((image * work.out[0] + first + i) * work.out[1]) * work.units + block * width;
      direct::chosen_row()(
          work.out[1], vectors, in,
          {memory.addend ? memory.addend + at : nullptr, memory.y + at, work.units, work.units - block * width, relu});
    }
    block += vectors;
  }
}
}  // namespace

bool ct_convolves_directly(void) { return direct::chosen_row() != nullptr; }

ct_tensor *ct_direct_weight(const ct_tensor *weight, const ct_tensor *bias) {
  return tensor([&] {
    at::NoGradGuard none;
    const auto w = in(weight);
    const int64_t units = w.size(0), blocks = (units + width - 1) / width;
    auto padded = at::zeros({blocks * width, w.size(1), w.size(2), w.size(3)}, w.options());
    padded.narrow(0, 0, units).copy_(w);
    const auto ordered = padded.view({blocks, width, w.size(1), w.size(2), w.size(3)}).permute({0, 3, 4, 2, 1});
    auto biases = at::zeros({blocks * width}, w.options());
    if (bias) biases.narrow(0, 0, units).copy_(in(bias));
    return at::cat({ordered.reshape({-1}), biases});
  });
}

ct_tensor *ct_direct_convolution(const ct_tensor *x, const ct_tensor *addend, const ct_tensor *packed,
                                 const int64_t *weight_sizes, const ct_convolution *how, bool relu) {
  return tensor([&] {
    at::NoGradGuard none;
    const auto channels_last = at::MemoryFormat::ChannelsLast;
    const auto images = in(x).contiguous(channels_last);
    TORCH_CHECK(images.size(1) == weight_sizes[1] && images.scalar_type() == at::kFloat, "expected ", weight_sizes[1],
                " channels of float32, found ", images.size(1), " of ", images.scalar_type());
    const Work work(images, *how, weight_sizes);
    auto y = at::empty(work.shape, images.options().memory_format(channels_last));
    if (y.numel() == 0) return y;
    const auto other = addend ? in(addend).contiguous(channels_last) : at::Tensor();
    const float *weight = in(packed).const_data_ptr<float>();
    const Memory memory = {images.const_data_ptr<float>(), addend ? other.const_data_ptr<float>() : nullptr, weight,
                           weight + work.blocks() * work.block_size(), y.mutable_data_ptr<float>()};
    const int64_t band = work.band(), bands = (work.out[0] + band - 1) / band;
    auto body = [&](int64_t index) {
      const int64_t first = index % bands * band;
      convolve(work, memory, relu, index / bands, first, std::min(band, work.out[0] - first));
    };
    // Every sum is made in one order, so nothing depends on how bands and threads share them.
    if (work.operations() < least_work || at::get_num_threads() == 1) {
      for (int64_t index = 0; index < work.images * bands; index++) body(index);
    } else {
      on_team(work.images * bands, /*grain=*/1, body);
    }
    return y;
  });
}
