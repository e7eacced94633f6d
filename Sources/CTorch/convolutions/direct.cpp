// Convolutions of small images and few channels in a network that is used, where setting out takes oneDNN as long as
// computing.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "bands.h"
#include "convolve.h"
#include "turns.h"

using namespace ct;

namespace {
/// What stands between two convolutions stays in the second cache.
constexpr int64_t between_bytes = 128 << 10;
/// Vector operations under which a step is done by one thread while the others of a team wait.
constexpr int64_t least_shared = 10000;

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

/// One convolution of a call, or a pair: relu(what `last` makes of what `before`, if there is one, makes of images, +
/// what is added).
struct Step {
  std::optional<DirectConvolution<float>> before;
  DirectConvolution<float> last;
  bool relu;
  int64_t count, channels, height, width;
  /// Rows of the result at once.
  int64_t most = 1;
  const float *from = nullptr, *end = nullptr, *adds = nullptr;
  float *into = nullptr;

  /// - Parameter sizes: of the images, N×C×H×W.
  Step(const ct_direct_step &step, at::IntArrayRef sizes)
      : before(step.is_pair ? std::make_optional(ready(sizes, step.before)) : std::nullopt),
        last(ready(before ? at::IntArrayRef(before->geometry.result_sizes(sizes[0])) : sizes, step.own)),
        relu(step.relu), count(sizes[0]), channels(sizes[1]), height(sizes[2]), width(sizes[3]) {}

  at::DimVector result_sizes() const { return last.geometry.result_sizes(count); }
  int64_t rows() const { return last.geometry.out[0]; }
  int64_t operations() const { return last.operations(count) + (before ? before->operations(count) : 0); }
  int64_t bands() const { return (rows() + most - 1) / most; }

  /// Cuts the result into bands; `shared` where a team is at work that waits for each step.
  void divide(bool shared) {
    const int64_t fitting =
        before ? last.geometry.rows_within(between_bytes, before->pieces.filled()) : last.fitting();
    const int64_t few = operations() < least_shared ? 1 : at::get_num_threads();
    most = band(rows(), fitting, count, shared ? std::max(few, wanted_parts(operations())) : 1);
  }

  void make_band(int64_t part) const {
    const int64_t index = part / bands(), first = part % bands() * most, some = std::min(most, rows() - first);
    const int64_t row = last.geometry.out[1] * last.geometry.units, at = (index * rows() + first) * row;
    const Target<float> to = {adds ? adds + at : nullptr, into + at, row, last.geometry.units, /*fills=*/false, relu};
    const Image<float> image = {from + index * channels * height * width, channels, height, width};
    if (before) {
      make(*before, last, image, end, first, some, to);
    } else {
      last.make(image, end, first, some, to);
    }
  }
};

/// Memory for what steps hand on, of which a step's is used again once its last reader is done.
class Workspace {
 public:
  /// Where so many elements lie that step `from` makes and step `to` reads last.
  int64_t reserve(int64_t count, int64_t from, int64_t to) {
    const int64_t rounded = (count + lanes::width - 1) / lanes::width * lanes::width;
    for (auto &block : blocks) {
      if (block.size >= rounded && block.until < from) {
        block.until = to;
        return block.start;
      }
    }
    blocks.push_back({size, rounded, to});
    size += rounded;
    return blocks.back().start;
  }
  int64_t size = 0;

 private:
  struct Block {
    int64_t start, size, until;
  };
  c10::SmallVector<Block, 8> blocks;
};

template <class Finished>
at::Tensor convolutions(c10::ArrayRef<const ct_tensor *> inputs, c10::ArrayRef<ct_direct_step> wanted,
                        Finished finished) {
  at::NoGradGuard none;
  const auto channels_last = at::MemoryFormat::ChannelsLast;
  c10::SmallVector<at::Tensor, 2> given;
  for (const auto *input : inputs) {
    given.push_back(in(input).contiguous(channels_last));
    TORCH_CHECK(given.back().scalar_type() == at::kFloat, "expected float32, found ", given.back().scalar_type());
  }
  const int64_t count = wanted.size(), outside = given.size();
  std::vector<Step> steps;
  steps.reserve(count);
  c10::SmallVector<int64_t, 32> readers(count);
  int64_t operations = 0;
  for (int64_t i = 0; i < count; i++) {
    auto sizes = [&](int64_t value) {
      if (value < outside) return at::DimVector(given[value].sizes());
      readers[value - outside] = i;
      return steps[value - outside].result_sizes();
    };
    steps.emplace_back(wanted[i], sizes(wanted[i].input));
    if (wanted[i].addend >= 0) {
      TORCH_CHECK(sizes(wanted[i].addend) == steps[i].result_sizes(), "expected an addend of the result's shape");
    }
    operations += steps[i].operations();
  }
  auto y = at::empty(steps.back().result_sizes(), given[0].options().memory_format(channels_last));
  if (y.numel() == 0) return y;
  Workspace workspace;
  std::vector<int64_t> places(count), parts(count);
  for (int64_t i = 0; i + 1 < count; i++) {
    places[i] = workspace.reserve(c10::multiply_integers(steps[i].result_sizes()), i, readers[i]);
  }
  const auto memory = at::empty({workspace.size}, given[0].options());
  float *space = memory.mutable_data_ptr<float>();
  // Within a parallel region the rest of a team would never come.
  const bool shared = operations >= least_work && at::get_num_threads() > 1 && !at::in_parallel_region();
  for (int64_t i = 0; i < count; i++) {
    auto address = [&](int64_t value) {
      return value < outside ? given[value].const_data_ptr<float>() : space + places[value - outside];
    };
    auto &step = steps[i];
    step.from = address(wanted[i].input);
    step.end = step.from + step.count * step.channels * step.height * step.width;
    step.adds = wanted[i].addend >= 0 ? address(wanted[i].addend) : nullptr;
    step.into = i + 1 < count ? space + places[i] : y.mutable_data_ptr<float>();
    step.divide(shared);
    parts[i] = step.count * step.bands();
  }
  if (shared) {
    in_turns(parts, [all = steps.data()](int64_t step, int64_t part) { all[step].make_band(part); }, finished);
  } else {
    for (int64_t i = 0; i < count; i++) {
      for (int64_t part = 0; part < parts[i]; part++) steps[i].make_band(part);
      finished(i);
    }
  }
  return y;
}
}  // namespace

/// A caller that does not ask first gets a sentence, not a call of nothing.
static void check_kernels() {
  TORCH_CHECK(direct::chosen_row<float>(), "expected the kernels of AVX2 or AVX-512, found that none are in force");
}

ct_tensor *ct_direct_weight(const ct_tensor *weight, const ct_tensor *bias) {
  return tensor([&] {
    check_kernels();
    at::NoGradGuard none;
    const auto &w = in(weight);
    TORCH_CHECK(w.scalar_type() == at::kFloat && w.device().is_cpu(), "expected a weight of float32 on the CPU");
    const auto biases = bias ? in(bias).to(at::kFloat).contiguous() : at::Tensor();
    const DirectConvolution<float> convolution(Geometry::of(w.sizes()));
    return arranged<float>(convolution.geometry, convolution.pieces, w, /*mirrored=*/false,
                           bias ? biases.const_data_ptr<float>() : nullptr);
  });
}

ct_tensor *ct_direct_convolutions(const ct_tensor *const *inputs, int32_t input_count, const ct_direct_step *steps,
                                  int32_t count, ct_finished finished, void *context) {
  return tensor([&] {
    check_kernels();
    return convolutions({inputs, static_cast<size_t>(input_count)}, {steps, static_cast<size_t>(count)},
                        [&](int64_t step) { if (finished) finished(context, static_cast<int32_t>(step)); });
  });
}
