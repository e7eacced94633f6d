// The gradient of a convolution's weight, float32 from images of float32 or bfloat16.
#pragma once
#include "sweep.h"
#include "../team.h"
#include "convolved.h"

namespace ct {
/// What is swept at once stays in the second cache.
constexpr int64_t sweep_bytes = 256 << 10;
/// Partial sums of a weight's gradient, all together.
constexpr int64_t partial_bytes = 1 << 20, most_partials = 16;

/// Partial sums of a weight's gradient: for every tap and every single element a whole number of vectors.
struct Partial {
  /// Whether channels are the vectors and units the single elements, or the other way round.
  bool by_vector;
  int64_t singles, lanes, taps;

  explicit Partial(const Geometry &geometry) : taps(geometry.taps()) {
    auto vectors = [](int64_t count) { return (count + lanes::width - 1) / lanes::width; };
    by_vector = vectors(geometry.channels) * geometry.units <= vectors(geometry.units) * geometry.channels;
    singles = by_vector ? geometry.units : geometry.channels;
    lanes = vectors(by_vector ? geometry.channels : geometry.units) * lanes::width;
  }
  int64_t size() const { return taps * singles * lanes; }
};

/// The sweeps over a convolution's images and the gradients of its result.
template <class T>
class Sweeps {
 public:
  Sweeps(const Geometry &geometry, const at::Tensor &x, const at::Tensor &g)
      : geometry(geometry), partial(geometry), x(x), g(g),
        zeros(at::zeros({std::max(x[0].numel(), g[0].numel())}, x.options())),
        x_row(geometry.under(1, geometry.out[1]) * geometry.channels), g_row(geometry.out[1] * geometry.units) {}

  const Geometry &geometry;
  const Partial partial;

  /// Adds what the image at `index` gives to `sums`; of bfloat16, with the next one or zeros. Bands of rows stay in the
  /// cache.
  void add(int64_t index, float *sums) const {
    thread_local std::vector<float> images, gradients;
    sweep::Ahead ahead[] = {next(x, index), next(g, index)};
    const int64_t most = std::max<int64_t>(1, sweep_bytes / (4 * (x_row * geometry.stride[0] + g_row)));
    for (int64_t row = 0; row < geometry.out[0]; row += most) {
      const int64_t rows = std::min(most, geometry.out[0] - row), under = geometry.under(0, rows);
      // A vector may reach over the end; what it adds up there belongs to no channel.
      images.resize(under * x_row + lanes::width);
      gradients.resize(rows * g_row + lanes::width);
      lay_out(index, row, under, images.data());
      lay_out_gradients(index, row, rows, gradients.data());
      sweep({images.data(), geometry.stride[0] * x_row, geometry.stride[1] * geometry.channels, 0},
            {gradients.data(), g_row, geometry.units, 0}, rows, sums, ahead);
    }
  }

 private:
  const at::Tensor &x, &g;
  const at::Tensor zeros;
  /// Elements of a padded row, and of one of the result.
  const int64_t x_row, g_row;

  /// What is read after the images at `index`.
  sweep::Ahead next(const at::Tensor &of, int64_t index) const {
    const int64_t size = of.size(1) * of.size(2) * of.size(3) * sizeof(T);
    const auto *all = reinterpret_cast<const char *>(elements<T>(of));
    auto start = [&](int64_t image) { return all + std::min(image, of.size(0)) * size; };
    const int64_t lines = together<T> * size / (sweeps_of_row() * geometry.out[0] * sweep::Ahead::line) + 1;
    return {start(index + together<T>), start(index + 2 * together<T>), lines};
  }

  /// Behind the last image, for the second of two, one of zeros.
  Image<T> image(const at::Tensor &of, int64_t index) const {
    const int64_t size = of.size(1) * of.size(2) * of.size(3);
    const T *from = index < of.size(0) ? elements<T>(of) + index * size : elements<T>(zeros);
    return {from, of.size(1), of.size(2), of.size(3)};
  }

  void lay_out(int64_t index, int64_t row, int64_t under, float *to) const {
    for (int64_t i = 0; i < under; i++, to += x_row) {
      if constexpr (sizeof(T) == 2) {
        interleave_row({image(x, index), image(x, index + 1)}, geometry.window(row), i,
                       reinterpret_cast<uint32_t *>(to));
      } else {
        copy_row(image(x, index), geometry.window(row), i, geometry.channels, elements<T>(x), to);
      }
    }
  }

  void lay_out_gradients(int64_t index, int64_t row, int64_t rows, float *to) const {
    const T *one = image(g, index).x + row * g_row;
    if constexpr (sizeof(T) == 2) {
      interleave(one, image(g, index + 1).x + row * g_row, rows * g_row, reinterpret_cast<uint32_t *>(to));
    } else {
      memcpy(to, one, rows * g_row * sizeof *to);
    }
  }

  static int64_t ceiling(int64_t count, int64_t each) { return (count + each - 1) / each; }
  /// The axis whose taps are swept together: the horizontal one, where it has any.
  int along() const { return geometry.kernel[1] > 1 ? 1 : 0; }
  /// In how many parts single elements are swept.
  int64_t parts() const { return ceiling(partial.singles, sweep::most_singles); }
  /// How often `sweep` goes over a row.
  int64_t sweeps_of_row() const {
    return geometry.kernel[1 - along()] * ceiling(geometry.kernel[along()], sweep::most_taps) * parts() *
           (partial.lanes / lanes::width);
  }

  /// Every tap, vector and single element, as many at once as there are registers for.
  void sweep(sweep::Side images, const sweep::Side &gradients, int64_t rows, float *sums, sweep::Ahead *ahead) const {
    const int along = this->along(), across = 1 - along;
    const int64_t apart[] = {geometry.dilation[0] * x_row, geometry.dilation[1] * geometry.channels};
    const int64_t tap_size = partial.singles * partial.lanes, step[] = {geometry.kernel[1] * tap_size, tap_size};
    const int64_t parts = this->parts();
    const float *first_tap = images.at;
    images.tap = apart[along];
    for (int64_t i = 0; i < geometry.kernel[across]; i++) {
      for (int64_t j = 0; j < geometry.kernel[along]; j += sweep::most_taps) {
        const int64_t taps = std::min<int64_t>(sweep::most_taps, geometry.kernel[along] - j);
        images.at = first_tap + i * apart[across] + j * apart[along];
        float *into = sums + i * step[across] + j * step[along];
        const sweep::Sweep all = {partial.by_vector ? images : gradients, partial.by_vector ? gradients : images, rows,
                                  geometry.out[1], into, step[along], partial.lanes, ahead};
        for (int64_t part = 0, first = 0; part < parts; part++) {
          const int64_t singles = (partial.singles - first) / (parts - part);
          for (int64_t lane = 0; lane < partial.lanes; lane += lanes::width) {
            sweep::Sweep one = all;
            one.vector.at += lane;
            one.single.at += first;
            one.sums += first * partial.lanes + lane;
            (partial.by_vector ? sweep::chosen<T, true>(taps, singles) : sweep::chosen<T, false>(taps, singles))(one);
          }
          first += singles;
        }
      }
    }
  }
};

/// The gradient of the weight; with `way_back`, whose result is made in the same go: what both read is in the cache.
template <class T>
at::Tensor weight_gradient(const Geometry &geometry, const at::Tensor &x, const at::Tensor &g,
                           const Convolved<T> *way_back) {
  const Sweeps<T> sweeps(geometry, x, g);
  const auto &partial = sweeps.partial;
  const int64_t images = x.size(0), size = partial.size(), groups = (images + together<T> - 1) / together<T>;
  // The number of partial sums depends on the shape alone, and they are put together in their order: results do not
  // depend on the number of threads.
  const int64_t wanted = std::clamp<int64_t>(partial_bytes / (4 * size), 1, most_partials);
  const int64_t each = (groups + wanted - 1) / wanted * together<T>, count = (images + each - 1) / each;
  auto sums = at::zeros({count, size}, x.options().dtype(at::kFloat));
  on_team(count, /*grain=*/1, [&](int64_t part) {
    const int64_t end = std::min((part + 1) * each, images);
    for (int64_t i = part * each; i < end; i += together<T>) {
      sweeps.add(i, elements<float>(sums) + part * size);
      for (int64_t k = i; way_back && k < std::min(i + together<T>, end); k++) way_back->make(k);
    }
  });
  const auto all = at::sum(sums, 0).view({geometry.kernel[0], geometry.kernel[1], partial.singles, partial.lanes});
  return all.narrow(3, 0, partial.by_vector ? geometry.channels : geometry.units)
      .permute(partial.by_vector ? at::IntArrayRef{2, 3, 0, 1} : at::IntArrayRef{3, 2, 0, 1})
      .contiguous(at::MemoryFormat::ChannelsLast);
}
}  // namespace ct
