// Batch norm with the addition, the ReLU and the maximum over windows behind it in one function, forward and backward.
#include <torch/csrc/autograd/custom_function.h>

#include <numeric>

#include "../protect.h"
#include "../team.h"
#include "loops.h"

using namespace ct;
using lanes::Block;
using lanes::Mask;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {
/// Elements of a block, about: 16 kB of float32, which stay in the first cache.
constexpr int64_t block_size = 4096;

/// How the rows of a tensor are cut into blocks. The cut depends on the shape alone, and what blocks give is put
/// together in their order, so results do not depend on the number of threads.
struct Cut {
  int64_t channels, vectors, period, per_block, blocks, rows;

  explicit Cut(const at::Tensor &x) {
    channels = x.size(1);
    vectors = x.numel() / lanes::width;
    rows = x.numel() / channels;
    period = channels / std::gcd(channels, lanes::width);
    per_block = period * std::max<int64_t>(4, block_size / (lanes::width * period));
    blocks = (vectors + per_block - 1) / per_block;
  }

  int64_t lanes() const { return period * lanes::width; }
  int64_t offset(int64_t block) const { return block * per_block * lanes::width; }
  Block block(int64_t index) const { return {std::min(per_block, vectors - index * per_block), period}; }
  /// Rows of the image memory in a block: blocks start where rows do.
  int64_t rows_of(int64_t index) const { return block(index).count * lanes::width / channels; }

  template <class Body>
  void each(Body body) const {
    on_team(blocks, /*grain=*/4, body);
  }

  std::vector<float> spread(const std::vector<double> &values) const {
    std::vector<float> all(lanes());
    for (int64_t i = 0; i < lanes(); i++) all[i] = static_cast<float>(values[i % channels]);
    return all;
  }
  void fold(const float *sums, float *out) const {
    std::fill_n(out, channels, 0.0f);
    for (int64_t i = 0, c = 0; i < lanes(); i++, c = c + 1 == channels ? 0 : c + 1) out[c] += sums[i];
  }
};

/// The windows between images and the largest values of theirs, a line of them at a time.
struct Pool {
  lanes::Windows windows;
  int64_t lines;

  Pool(const at::Tensor &x, const at::Tensor &largest)
      : windows{largest.size(3), x.size(1), {x.size(2) / largest.size(2), x.size(3) / largest.size(3)}},
        lines(largest.size(0) * largest.size(2)) {}

  int64_t of_image() const { return windows.kernel[0] * windows.row(); }
  int64_t of_result() const { return windows.count * windows.channels; }
  template <class Body>
  void each(Body body) const {
    on_team(lines, /*grain=*/std::max<int64_t>(1, 4 * block_size / of_image()), body);
  }
};

template <class T>
T *data(const at::Tensor &t) {
  return t.defined() ? static_cast<T *>(t.data_ptr()) : nullptr;
}

struct Statistics {
  std::vector<double> mean, variance;  // the biased one
};

/// Mean and variance in two sweeps over each block, which the first brings into the cache; blocks are put together by
/// the formula of Chan, Golub and LeVeque (1983) in float64.
template <class T>
Statistics measured(const Cut &cut, const at::Tensor &x) {
  const int64_t c = cut.channels;
  std::vector<float> means(cut.blocks * c), squares(cut.blocks * c);
  cut.each([&](int64_t index) {
    std::vector<float> sums(cut.lanes());
    const T *from = data<T>(x) + cut.offset(index);
    float *mean = means.data() + index * c;
    lanes::loops<T>().sums(cut.block(index), from, sums.data());
    cut.fold(sums.data(), mean);
    for (int64_t i = 0; i < c; i++) mean[i] /= static_cast<float>(cut.rows_of(index));
    std::vector<float> middle(cut.lanes());
    for (int64_t i = 0; i < cut.lanes(); i++) middle[i] = mean[i % c];
    lanes::loops<T>().squares(cut.block(index), from, middle.data(), sums.data());
    cut.fold(sums.data(), squares.data() + index * c);
  });
  Statistics all{std::vector<double>(c), std::vector<double>(c)};
  for (int64_t b = 0; b < cut.blocks; b++) {
    for (int64_t i = 0; i < c; i++) all.mean[i] += static_cast<double>(cut.rows_of(b)) * means[b * c + i];
  }
  for (auto &each : all.mean) each /= static_cast<double>(cut.rows);
  for (int64_t b = 0; b < cut.blocks; b++) {
    for (int64_t i = 0; i < c; i++) {
      double distance = means[b * c + i] - all.mean[i];
      all.variance[i] += squares[b * c + i] + static_cast<double>(cut.rows_of(b)) * distance * distance;
    }
  }
  for (auto &each : all.variance) each /= static_cast<double>(cut.rows);
  return all;
}

/// y = relu(γ·(x − mean)/√(variance + ε) + β + z).
template <class T>
at::Tensor applied(const Cut &cut, const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
                   const Statistics &of, const at::Tensor &z, const ct_norm &how) {
  std::vector<double> a(cut.channels), b(cut.channels);
  for (int64_t i = 0; i < cut.channels; i++) {
    a[i] = data<float>(weight)[i] / std::sqrt(of.variance[i] + how.epsilon);
    b[i] = data<float>(bias)[i] - of.mean[i] * a[i];
  }
  auto scale = cut.spread(a), shift = cut.spread(b);
  auto y = at::empty_like(x);
  cut.each([&](int64_t index) {
    int64_t at = cut.offset(index);
    const T *other = z.defined() ? data<T>(z) + at : nullptr;
    lanes::loops<T>().apply[z.defined()][how.relu](cut.block(index), data<T>(x) + at, other, scale.data(),
                                                   shift.data(), data<T>(y) + at);
  });
  return y;
}

/// The value of each window for which γ·x is largest.
template <class T>
at::Tensor largest_of(const at::Tensor &x, const at::Tensor &weight, const int64_t *kernel) {
  auto largest = at::empty({x.size(0), x.size(1), x.size(2) / kernel[0], x.size(3) / kernel[1]},
                           x.options().memory_format(at::MemoryFormat::ChannelsLast));
  Pool pool(x, largest);
  pool.each([&](int64_t line) {
    lanes::loops<T>().largest(pool.windows, data<T>(x) + line * pool.of_image(), data<float>(weight),
                              data<T>(largest) + line * pool.of_result());
  });
  return largest;
}

/// What the gradients need of a run: x, γ and β, the result where it is the mask, and the largest values of windows.
struct Saved {
  at::Tensor x, weight, bias, y, largest;
  Statistics of;
  double epsilon;
  Mask mask;
};

/// Gradients of x, γ, β and of what was added.
template <class T>
variable_list gradients(const at::Tensor &g, const Saved &run) {
  const auto &x = run.x, &seen = run.largest.defined() ? run.largest : run.x;
  Cut cut(seen);
  const int64_t c = cut.channels;
  const double rows = static_cast<double>(x.numel() / c);
  std::vector<double> inverse(c), a(c), b(c), k(c), offset(c);
  for (int64_t i = 0; i < c; i++) {
    inverse[i] = 1 / std::sqrt(run.of.variance[i] + run.epsilon);
    a[i] = data<float>(run.weight)[i] * inverse[i];
    b[i] = data<float>(run.bias)[i] - run.of.mean[i] * a[i];
  }
  auto mean = cut.spread(run.of.mean), scale = cut.spread(a), shift = cut.spread(b);
  auto dz = run.mask == Mask::output ? at::empty_like(x) : g;
  std::vector<float> sums(cut.blocks * c), products(cut.blocks * c);
  cut.each([&](int64_t index) {
    std::vector<float> scratch(2 * cut.lanes());
    int64_t at = cut.offset(index);
    lanes::loops<T>().gradient_sums[static_cast<int>(run.mask)](
        cut.block(index), data<T>(g) + at, data<T>(seen) + at, run.y.defined() ? data<T>(run.y) + at : nullptr,
        mean.data(), scale.data(), shift.data(), data<T>(dz) + at, scratch.data(), scratch.data() + cut.lanes());
    cut.fold(scratch.data(), sums.data() + index * c);
    cut.fold(scratch.data() + cut.lanes(), products.data() + index * c);
  });
  std::vector<double> sum(c), product(c);
  for (int64_t i = 0; i < cut.blocks * c; i++) {
    sum[i % c] += sums[i];
    product[i % c] += products[i];
  }
  auto dweight = at::empty_like(run.weight), dbias = at::empty_like(run.bias), dx = at::empty_like(x);
  for (int64_t i = 0; i < c; i++) {
    data<float>(dweight)[i] = static_cast<float>(product[i] * inverse[i]);
    data<float>(dbias)[i] = static_cast<float>(sum[i]);
    k[i] = -a[i] * inverse[i] * inverse[i] * product[i] / rows;
    offset[i] = -a[i] * sum[i] / rows;
  }
  auto slope = cut.spread(k), constant = cut.spread(offset);
  if (run.largest.defined()) {
    Pool pool(x, seen);
    pool.each([&](int64_t line) {
      int64_t at = line * pool.of_image(), result = line * pool.of_result();
      lanes::loops<T>().gradient_of_windows(pool.windows, data<T>(g) + result, data<T>(seen) + result, data<T>(x) + at,
                                            mean.data(), scale.data(), shift.data(), slope.data(), constant.data(),
                                            data<T>(dx) + at);
    });
  } else {
    cut.each([&](int64_t index) {
      int64_t at = cut.offset(index);
      lanes::loops<T>().gradient[run.mask == Mask::input](cut.block(index), data<T>(dz) + at, data<T>(x) + at,
                                                          mean.data(), scale.data(), shift.data(), slope.data(),
                                                          constant.data(), data<T>(dx) + at);
    });
  }
  return {dx, dweight, dbias, dz};
}

bool pools(const ct_norm &how) { return how.pool[0] > 1 || how.pool[1] > 1; }

/// relu(norm(x) + z), or the largest of each window of it, with `largest` set to where those came from.
template <class T>
at::Tensor result(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, const Statistics &of,
                  const at::Tensor &z, const ct_norm &how, at::Tensor &largest) {
  if (pools(how)) largest = largest_of<T>(x, weight, how.pool);
  const auto &from = largest.defined() ? largest : x;
  return applied<T>(Cut(from), from, weight, bias, of, z, how);
}

bool is_float(const at::Tensor &x) { return x.scalar_type() == at::kFloat; }

struct FusedNorm : torch::autograd::Function<FusedNorm> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &weight,
                            const at::Tensor &bias, const c10::optional<at::Tensor> &residual,
                            const at::Tensor &running_mean, const at::Tensor &running_variance, const ct_norm *how) {
    Cut cut(x);
    auto of = is_float(x) ? measured<float>(cut, x) : measured<uint16_t>(cut, x);
    auto z = residual.value_or(at::Tensor());
    at::Tensor largest;
    auto y = is_float(x) ? result<float>(x, weight, bias, of, z, *how, largest)
                         : result<uint16_t>(x, weight, bias, of, z, *how, largest);
    move(running_mean, of.mean, how->momentum, 1);
    const double unbiased = static_cast<double>(cut.rows) / static_cast<double>(cut.rows - 1);
    move(running_variance, of.variance, how->momentum, unbiased);
    bool by_output = how->relu && z.defined();
    context->save_for_backward({x, weight, bias, by_output ? y : at::Tensor(), largest});
    context->saved_data["mean"] = of.mean;
    context->saved_data["variance"] = of.variance;
    context->saved_data["epsilon"] = how->epsilon;
    context->saved_data["mask"] = static_cast<int64_t>(by_output ? Mask::output : how->relu ? Mask::input : Mask::none);
    context->saved_data["adds"] = z.defined();
    return y;
  }

  static variable_list backward(AutogradContext *context, variable_list from) {
    auto saved = context->get_saved_variables();
    auto &data = context->saved_data;
    Saved run{saved[0],
              saved[1],
              saved[2],
              saved[3],
              saved[4],
              {data["mean"].toDoubleVector(), data["variance"].toDoubleVector()},
              data["epsilon"].toDouble(),
              static_cast<Mask>(data["mask"].toInt())};
    auto g = from[0].to(run.x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast);
    auto all = is_float(run.x) ? gradients<float>(g, run) : gradients<uint16_t>(g, run);
    auto dz = data["adds"].toBool() ? all[3] : at::Tensor();
    return {all[0], all[1], all[2], dz, {}, {}, {}};
  }

  /// Running statistics move towards those of the batch.
  static void move(const at::Tensor &running, const std::vector<double> &now, double momentum, double factor) {
    auto *values = data<float>(running);
    for (size_t i = 0; i < now.size(); i++) {
      values[i] = static_cast<float>((1 - momentum) * values[i] + momentum * factor * now[i]);
    }
  }
};

bool is_vector(const c10::optional<at::Tensor> &t, int64_t count) {
  return t && t->is_cpu() && t->scalar_type() == at::kFloat && t->dim() == 1 && t->numel() == count &&
         t->is_contiguous();
}

/// Whether the loops here can do it: images of float32 or bfloat16 on the CPU, channels last, in whole vectors.
bool fits(const at::Tensor &x, const c10::optional<at::Tensor> &residual, const c10::optional<at::Tensor> &weight,
          const c10::optional<at::Tensor> &bias, const at::Tensor &mean, const at::Tensor &variance) {
  if (!x.is_cpu() || x.dim() != 4 || !x.is_contiguous(at::MemoryFormat::ChannelsLast)) return false;
  if (x.scalar_type() != at::kFloat && x.scalar_type() != at::kBFloat16) return false;
  const int64_t c = x.size(1);
  if (x.numel() == 0 || x.numel() % lanes::width != 0 || x.numel() / c < 2) return false;
  if (!is_vector(weight, c) || !is_vector(bias, c) || !is_vector(mean, c) || !is_vector(variance, c)) return false;
  if (!residual) return true;
  return residual->is_cpu() && residual->scalar_type() == x.scalar_type() && residual->sizes() == x.sizes() &&
         residual->is_contiguous(at::MemoryFormat::ChannelsLast);
}

/// Whether windows are whole and channels fill a vector.
bool fit_windows(const at::Tensor &x, const c10::optional<at::Tensor> &residual, const ct_norm &how) {
  if (!how.relu || residual || x.size(1) < lanes::width) return false;
  if (x.size(2) % how.pool[0] != 0 || x.size(3) % how.pool[1] != 0) return false;
  return x.numel() / (how.pool[0] * how.pool[1]) % lanes::width == 0;
}

std::vector<double> doubles(const at::Tensor &t) { return {data<float>(t), data<float>(t) + t.numel()}; }

at::Tensor fused(const at::Tensor &x, const c10::optional<at::Tensor> &weight, const c10::optional<at::Tensor> &bias,
                 const at::Tensor &mean, const at::Tensor &variance, const c10::optional<at::Tensor> &residual,
                 const ct_norm &how) {
  bool fit = fits(x, residual, weight, bias, mean, variance);
  if (pools(how) && !(fit && fit_windows(x, residual, how))) {
    ct_norm whole = how;
    whole.pool[0] = whole.pool[1] = 1;
    auto y = fused(x, weight, bias, mean, variance, residual, whole);
    return at::max_pool2d(y, at::IntArrayRef(how.pool, 2));
  }
  if (fit && how.training) return FusedNorm::apply(x, *weight, *bias, residual, mean, variance, &how);
  if (fit && !at::GradMode::is_enabled()) {
    Statistics of{doubles(mean), doubles(variance)};
    auto z = residual.value_or(at::Tensor());
    at::Tensor largest;
    return is_float(x) ? result<float>(x, *weight, *bias, of, z, how, largest)
                       : result<uint16_t>(x, *weight, *bias, of, z, how, largest);
  }
  auto y = at::batch_norm(x, weight, bias, mean, variance, how.training, how.momentum, how.epsilon,
                          /*cudnn_enabled=*/true);
  if (residual) y = at::add(y, *residual);
  return how.relu ? at::relu(y) : y;
}
}  // namespace

ct_tensor *ct_fused_norm(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias, const ct_tensor *mean,
                         const ct_tensor *variance, const ct_tensor *residual, const ct_norm *how) {
  return tensor([&] {
    return fused(in(x), maybe(weight), maybe(bias), in(mean), in(variance), maybe(residual), *how);
  });
}
