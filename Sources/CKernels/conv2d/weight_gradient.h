// The gradient of a convolution's weight, float32 from images of float32 or bfloat16.
#pragma once
#include "accumulation.h"
#include "batch_conv2d.h"

namespace ck {
/// What is accumulated at once stays in the second cache.
constexpr int64_t accumulation_bytes = 256 << 10;
/// Partial sums of a weight's gradient, all together.
constexpr int64_t partial_bytes = 1 << 20, most_partials = 16;

inline int64_t quotient_up(int64_t count, int64_t each) { return (count + each - 1) / each; }

/// Images whose sums go to one partial sum, of so many in all, `together` at a time.
inline int64_t images_of_partial(int64_t images, int64_t together, int64_t bytes) {
  const int64_t groups = quotient_up(images, together);
  return quotient_up(groups, std::clamp<int64_t>(partial_bytes / bytes, 1, most_partials)) * together;
}

/// How partial sums lie in memory: for every tap and every single element a whole number of vectors.
///
/// The number of partial sums depends on the shape alone, and they are put together in their order: results do not
/// depend on the number of threads.
inline WeightGradientLayout layout(const Geometry &geometry, int64_t images, int64_t together) {
  auto vectors = [](int64_t count) { return quotient_up(count, simd::width); };
  WeightGradientLayout result;
  result.channels_in_lanes = vectors(geometry.channels) * geometry.units <= vectors(geometry.units) * geometry.channels;
  result.singles = result.channels_in_lanes ? geometry.units : geometry.channels;
  result.lanes = vectors(result.channels_in_lanes ? geometry.channels : geometry.units) * simd::width;
  const int64_t bytes = 4 * geometry.taps() * result.singles * result.lanes;
  result.partials = quotient_up(images, images_of_partial(images, together, bytes));
  return result;
}

/// The gradient of a weight, accumulated over a convolution's images and the gradients of its result.
template <class T>
class WeightGradient {
 public:
  WeightGradient(const Geometry &geometry, const Images<const T> &x, const Images<const T> &g)
      : geometry(geometry), partial(layout(geometry, x.sizes[0], together<T>)), x(x), g(g),
        zeros(std::max(x.each(), g.each())), x_row(geometry.under(1, geometry.out[1]) * geometry.channels),
        g_row(geometry.out[1] * geometry.units) {}

  const Geometry &geometry;
  const WeightGradientLayout partial;

  /// Elements of a partial sum.
  int64_t size() const { return geometry.taps() * partial.singles * partial.lanes; }

  /// Adds what the image at `index` gives to `sums`; of bfloat16, with the next one or zeros. Row tiles stay in the
  /// cache.
  void add(int64_t index, float *sums) const {
    thread_local std::vector<float> images, gradients;
    accumulation::Prefetch prefetch[] = {next(x, index), next(g, index)};
    const int64_t most = std::max<int64_t>(1, accumulation_bytes / (4 * (x_row * geometry.stride[0] + g_row)));
    for (int64_t row = 0; row < geometry.out[0]; row += most) {
      const int64_t rows = std::min(most, geometry.out[0] - row), under = geometry.under(0, rows);
      // A vector may reach over the end; what it adds up there belongs to no channel.
      images.resize(under * x_row + simd::width);
      gradients.resize(rows * g_row + simd::width);
      lay_out(index, row, under, images.data());
      lay_out_gradients(index, row, rows, gradients.data());
      accumulate({images.data(), geometry.stride[0] * x_row, geometry.stride[1] * geometry.channels, 0},
                 {gradients.data(), g_row, geometry.units, 0}, rows, sums, prefetch);
    }
  }

 private:
  const Images<const T> x, g;
  const std::vector<T> zeros;
  /// Elements of a padded row, and of one of the result.
  const int64_t x_row, g_row;

  /// What is read after the images at `index`.
  accumulation::Prefetch next(const Images<const T> &of, int64_t index) const {
    const int64_t size = of.each() * sizeof(T);
    const auto *all = reinterpret_cast<const char *>(of.data);
    auto start = [&](int64_t image) { return all + std::min(image, of.sizes[0]) * size; };
    const int64_t lines = together<T> * size / (loops_over_row() * geometry.out[0] * accumulation::Prefetch::line) + 1;
    return {start(index + together<T>), start(index + 2 * together<T>), lines};
  }

  /// Behind the last image, for the second of two, one of zeros.
  Image<T> image(const Images<const T> &of, int64_t index) const {
    const T *from = index < of.sizes[0] ? of.data + index * of.each() : zeros.data();
    return {from, of.sizes[1], of.sizes[2], of.sizes[3]};
  }

  void lay_out(int64_t index, int64_t row, int64_t under, float *to) const {
    for (int64_t i = 0; i < under; i++, to += x_row) {
      if constexpr (sizeof(T) == 2) {
        interleave_row({image(x, index), image(x, index + 1)}, geometry.window(row), i,
                       reinterpret_cast<uint32_t *>(to));
      } else {
        copy_row(image(x, index), geometry.window(row), i, geometry.channels, x.data, to);
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

  /// The axis whose taps are accumulated together: the horizontal one, where it has any.
  int along() const { return geometry.kernel[1] > 1 ? 1 : 0; }
  /// In how many parts single elements are taken.
  int64_t parts() const { return quotient_up(partial.singles, accumulation::most_singles); }
  /// How often `accumulate` goes over a row.
  int64_t loops_over_row() const {
    return geometry.kernel[1 - along()] * quotient_up(geometry.kernel[along()], accumulation::most_taps) * parts() *
           (partial.lanes / simd::width);
  }

  /// Every tap, vector and single element, as many at once as there are registers for.
  void accumulate(accumulation::Operand images, const accumulation::Operand &gradients, int64_t rows, float *sums,
                  accumulation::Prefetch *prefetch) const {
    const int along = this->along(), across = 1 - along;
    const int64_t apart[] = {geometry.dilation[0] * x_row, geometry.dilation[1] * geometry.channels};
    const int64_t tap_size = partial.singles * partial.lanes, step[] = {geometry.kernel[1] * tap_size, tap_size};
    const int64_t parts = this->parts();
    const float *first_tap = images.at;
    images.tap = apart[along];
    const bool by_vector = partial.channels_in_lanes;
    for (int64_t i = 0; i < geometry.kernel[across]; i++) {
      for (int64_t j = 0; j < geometry.kernel[along]; j += accumulation::most_taps) {
        const int64_t taps = std::min<int64_t>(accumulation::most_taps, geometry.kernel[along] - j);
        images.at = first_tap + i * apart[across] + j * apart[along];
        float *into = sums + i * step[across] + j * step[along];
        const accumulation::Accumulation all = {by_vector ? images : gradients,
                                                by_vector ? gradients : images,
                                                rows,
                                                geometry.out[1],
                                                into,
                                                step[along],
                                                partial.lanes,
                                                prefetch};
        for (int64_t part = 0, first = 0; part < parts; part++) {
          const int64_t singles = (partial.singles - first) / (parts - part);
          for (int64_t lane = 0; lane < partial.lanes; lane += simd::width) {
            accumulation::Accumulation one = all;
            one.vector.at += lane;
            one.single.at += first;
            one.sums += first * partial.lanes + lane;
            (by_vector ? accumulation::chosen<T, true>(taps, singles)
                       : accumulation::chosen<T, false>(taps, singles))(one);
          }
          first += singles;
        }
      }
    }
  }
};

/// Adds to partial sums of the weight's gradient; with `way_back`, whose result is made in the same go: what both read
/// is in the cache.
template <class T>
void accumulate_weight_gradient(const Geometry &geometry, const Images<const T> &x, const Images<const T> &g,
                                const BatchConv2d<T> *way_back, float *partials, const Parallel &parallel) {
  const WeightGradient<T> gradient(geometry, x, g);
  const int64_t images = x.sizes[0], size = gradient.size();
  const int64_t each = images_of_partial(images, together<T>, 4 * size);
  parallel_for(parallel, gradient.partial.partials, /*grain=*/1, [&](int64_t part) {
    const int64_t end = std::min((part + 1) * each, images);
    for (int64_t i = part * each; i < end; i += together<T>) {
      gradient.add(i, partials + part * size);
      for (int64_t k = i; way_back && k < std::min(i + together<T>, end); k++) way_back->run(k);
    }
  });
}
}  // namespace ck
