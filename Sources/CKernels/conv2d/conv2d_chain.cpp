// Convolutions of small images and few channels in inference, where setting out takes oneDNN as long as computing.
#include <optional>

#include "../barrier.h"
#include "direct_conv2d.h"
#include "row_tiles.h"

using namespace ck;

namespace {
/// What stands between two convolutions stays in the second cache.
constexpr int64_t between_bytes = 128 << 10;
/// Vector operations under which a step is done by one thread while the others of a team wait.
constexpr int64_t least_shared = 10000;

/// `sizes`: of the images, N×C×H×W.
DirectConv2d<float> prepared(const Sizes &sizes, const PackedConv2d &packed) {
  DirectConv2d<float> result(Geometry::forward(sizes, packed.sizes, packed.options));
  result.weight = packed.weight;
  return result;
}

/// Rows of the result of two convolutions, of which the second reads what the first makes: what stands between them is
/// made for these rows alone, padded as the second wants it, and never leaves the cache.
void run_pair(const DirectConv2d<float> &one, const DirectConv2d<float> &two, const Image<float> &image,
              const float *end, int64_t first, int64_t rows, const Target<float> &to) {
  thread_local std::vector<float> between;
  const Window window = two.geometry.window(first);
  const int64_t height = one.geometry.out[0], width = one.geometry.out[1];
  const int64_t pixel = one.tiles.filled(), side = two.geometry.padding[1] * pixel;
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
    one.run(image, end, i, std::min(most, last - i),
            {nullptr, between.data() + (i - window.top) * row + side, row, pixel, /*fills=*/true, /*relu=*/false});
  }
  two.run({between.data(), row, pixel}, rows, to);
}

/// Memory for what steps hand on, of which a step's is used again once its last reader is done.
class Workspace {
 public:
  /// Where so many elements lie that step `from` makes and step `to` reads last.
  int64_t reserve(int64_t count, int64_t from, int64_t to) {
    const int64_t rounded = (count + simd::width - 1) / simd::width * simd::width;
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
  std::vector<Block> blocks;
};
}  // namespace

/// One convolution of a chain, or a pair.
struct Conv2dChain::Step {
  std::optional<DirectConv2d<float>> first;
  DirectConv2d<float> last;
  bool relu;
  int64_t input, addend;
  /// Of what it reads.
  Sizes sizes;
  /// Where its result lies in the workspace, and the last step that reads it.
  int64_t place = 0, reader = 0;
  /// Rows of the result at once.
  int64_t most = 1;
  const float *from = nullptr, *end = nullptr, *adds = nullptr;
  float *into = nullptr;

  Step(const Conv2dStep &step, const Sizes &sizes)
      : first(step.first ? std::make_optional(prepared(sizes, *step.first)) : std::nullopt),
        last(prepared(first ? first->geometry.result_sizes(sizes[0]) : sizes, step.own)), relu(step.relu),
        input(step.input), addend(step.addend), sizes(sizes) {}

  Sizes result_sizes() const { return last.geometry.result_sizes(sizes[0]); }
  int64_t rows() const { return last.geometry.out[0]; }
  int64_t operations() const { return last.operations(sizes[0]) + (first ? first->operations(sizes[0]) : 0); }
  int64_t tiles() const { return (rows() + most - 1) / most; }

  /// Cuts the result into row tiles; `shared` where a team is at work that waits for each step.
  void divide(bool shared, const Parallel &parallel) {
    const int64_t fitting = first ? last.geometry.rows_within(between_bytes, first->tiles.filled()) : last.fitting();
    const int64_t few = operations() < least_shared ? 1 : parallel.threads;
    const int64_t wanted = shared ? std::max(few, wanted_parts(operations(), parallel)) : 1;
    most = row_tile(rows(), fitting, sizes[0], wanted);
  }

  void run(int64_t part) const {
    const int64_t index = part / tiles(), start = part % tiles() * most, some = std::min(most, rows() - start);
    const int64_t row = last.geometry.out[1] * last.geometry.units, at = (index * rows() + start) * row;
    const Target<float> to = {adds ? adds + at : nullptr, into + at, row, last.geometry.units, /*fills=*/false, relu};
    const Image<float> image = {from + index * sizes[1] * sizes[2] * sizes[3], sizes[1], sizes[2], sizes[3]};
    if (first) {
      run_pair(*first, last, image, end, start, some, to);
    } else {
      last.run(image, end, start, some, to);
    }
  }
};

Conv2dChain::Conv2dChain(std::span<const Sizes> inputs, std::span<const Conv2dStep> steps)
    : inputs_(static_cast<int64_t>(inputs.size())) {
  require_kernels();
  steps_.reserve(steps.size());
  for (const auto &step : steps) {
    auto sizes = [&](int64_t value) {
      if (value < inputs_) return inputs[value];
      auto &source = steps_[value - inputs_];
      source.reader = static_cast<int64_t>(steps_.size());
      return source.result_sizes();
    };
    const Sizes read = sizes(step.input);
    const bool adds = step.addend >= 0;
    const Sizes added = adds ? sizes(step.addend) : Sizes();
    steps_.emplace_back(step, read);
    if (adds && added != steps_.back().result_sizes()) {
      throw std::invalid_argument("expected an addend of the result's shape");
    }
  }
  Workspace workspace;
  for (size_t i = 0; i + 1 < steps_.size(); i++) {
    steps_[i].place = workspace.reserve(count(steps_[i].result_sizes()), i, steps_[i].reader);
  }
  workspace_ = workspace.size;
}

Conv2dChain::~Conv2dChain() = default;

Sizes Conv2dChain::sizes() const { return steps_.back().result_sizes(); }

void Conv2dChain::run(std::span<const float *const> inputs, float *workspace, float *y, const Parallel &parallel,
                      void (*finished)(void *context, int32_t step), void *context) {
  int64_t operations = 0;
  for (const auto &step : steps_) operations += step.operations();
  // Within a parallel region the rest of a team would never come.
  const bool shared = operations >= least_work && parallel.threads > 1 && !parallel.is_nested;
  std::vector<int64_t> parts;
  parts.reserve(steps_.size());
  for (auto &step : steps_) {
    auto address = [&](int64_t value) -> const float * {
      return value < inputs_ ? inputs[value] : workspace + steps_[value - inputs_].place;
    };
    step.from = address(step.input);
    step.end = step.from + count(step.sizes);
    step.adds = step.addend >= 0 ? address(step.addend) : nullptr;
    step.into = &step == &steps_.back() ? y : workspace + step.place;
    step.divide(shared, parallel);
    parts.push_back(step.sizes[0] * step.tiles());
  }
  auto tell = [=](int64_t step) {
    if (finished) finished(context, static_cast<int32_t>(step));
  };
  if (shared) {
    run_steps(parallel, parts, [all = steps_.data()](int64_t step, int64_t part) { all[step].run(part); }, tell);
  } else {
    for (size_t i = 0; i < steps_.size(); i++) {
      for (int64_t part = 0; part < parts[i]; part++) steps_[i].run(part);
      tell(static_cast<int64_t>(i));
    }
  }
}

int64_t ck::packed_count(const Sizes &weight) { return DirectConv2d<float>(Geometry::of(weight)).packed_count(); }

void ck::pack(const Weight &weight, const float *bias, float *into) {
  require_kernels();
  const DirectConv2d<float> convolution(Geometry::of(weight.sizes));
  pack<float>(convolution.geometry, convolution.tiles, weight, /*mirrored=*/false, bias, into);
}
