// Batch norm with the addition and the ReLU behind it in one function, forward and backward.
#include <torch/csrc/autograd/custom_function.h>

#include <numeric>

#include "lanes.h"
#include "protect.h"
#include "team.h"

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

/// Gradients of x, γ, β and of what was added; `mask` says where they pass.
template <class T>
variable_list gradients(const Cut &cut, const at::Tensor &g, const at::Tensor &x, const at::Tensor &y,
                        const at::Tensor &weight, const at::Tensor &bias, const Statistics &of, double epsilon,
                        Mask mask) {
  const int64_t c = cut.channels;
  std::vector<double> inverse(c), a(c), b(c), k(c), offset(c);
  for (int64_t i = 0; i < c; i++) {
    inverse[i] = 1 / std::sqrt(of.variance[i] + epsilon);
    a[i] = data<float>(weight)[i] * inverse[i];
    b[i] = data<float>(bias)[i] - of.mean[i] * a[i];
  }
  auto mean = cut.spread(of.mean), scale = cut.spread(a), shift = cut.spread(b);
  auto dz = mask == Mask::output ? at::empty_like(x) : g;
  std::vector<float> sums(cut.blocks * c), products(cut.blocks * c);
  cut.each([&](int64_t index) {
    std::vector<float> scratch(2 * cut.lanes());
    int64_t at = cut.offset(index);
    lanes::loops<T>().gradient_sums[static_cast<int>(mask)](
        cut.block(index), data<T>(g) + at, data<T>(x) + at, y.defined() ? data<T>(y) + at : nullptr, mean.data(),
        scale.data(), shift.data(), data<T>(dz) + at, scratch.data(), scratch.data() + cut.lanes());
    cut.fold(scratch.data(), sums.data() + index * c);
    cut.fold(scratch.data() + cut.lanes(), products.data() + index * c);
  });
  std::vector<double> sum(c), product(c);
  for (int64_t i = 0; i < cut.blocks * c; i++) {
    sum[i % c] += sums[i];
    product[i % c] += products[i];
  }
  auto dweight = at::empty_like(weight), dbias = at::empty_like(bias), dx = at::empty_like(x);
  for (int64_t i = 0; i < c; i++) {
    data<float>(dweight)[i] = static_cast<float>(product[i] * inverse[i]);
    data<float>(dbias)[i] = static_cast<float>(sum[i]);
    k[i] = -a[i] * inverse[i] * inverse[i] * product[i] / static_cast<double>(cut.rows);
    offset[i] = -a[i] * sum[i] / static_cast<double>(cut.rows);
  }
  auto slope = cut.spread(k), constant = cut.spread(offset);
  cut.each([&](int64_t index) {
    int64_t at = cut.offset(index);
    lanes::loops<T>().gradient[mask == Mask::input](cut.block(index), data<T>(dz) + at, data<T>(x) + at, mean.data(),
                                                    scale.data(), shift.data(), slope.data(), constant.data(),
                                                    data<T>(dx) + at);
  });
  return {dx, dweight, dbias, dz};
}

struct FusedNorm : torch::autograd::Function<FusedNorm> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &weight,
                            const at::Tensor &bias, const c10::optional<at::Tensor> &residual,
                            const at::Tensor &running_mean, const at::Tensor &running_variance, const ct_norm *how) {
    Cut cut(x);
    bool is_float = x.scalar_type() == at::kFloat;
    auto of = is_float ? measured<float>(cut, x) : measured<uint16_t>(cut, x);
    auto z = residual.value_or(at::Tensor());
    auto y = is_float ? applied<float>(cut, x, weight, bias, of, z, *how)
                      : applied<uint16_t>(cut, x, weight, bias, of, z, *how);
    move(running_mean, of.mean, how->momentum, 1);
    const double unbiased = static_cast<double>(cut.rows) / static_cast<double>(cut.rows - 1);
    move(running_variance, of.variance, how->momentum, unbiased);
    bool by_output = how->relu && z.defined();
    context->save_for_backward({x, weight, bias, by_output ? y : at::Tensor()});
    context->saved_data["mean"] = of.mean;
    context->saved_data["variance"] = of.variance;
    context->saved_data["epsilon"] = how->epsilon;
    context->saved_data["mask"] = static_cast<int64_t>(by_output ? Mask::output : how->relu ? Mask::input : Mask::none);
    context->saved_data["adds"] = z.defined();
    return y;
  }

  static variable_list backward(AutogradContext *context, variable_list from) {
    auto saved = context->get_saved_variables();
    const auto &x = saved[0];
    auto g = from[0].to(x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast);
    Statistics of{context->saved_data["mean"].toDoubleVector(), context->saved_data["variance"].toDoubleVector()};
    auto mask = static_cast<Mask>(context->saved_data["mask"].toInt());
    double epsilon = context->saved_data["epsilon"].toDouble();
    Cut cut(x);
    auto all = x.scalar_type() == at::kFloat
                   ? gradients<float>(cut, g, x, saved[3], saved[1], saved[2], of, epsilon, mask)
                   : gradients<uint16_t>(cut, g, x, saved[3], saved[1], saved[2], of, epsilon, mask);
    auto dz = context->saved_data["adds"].toBool() ? all[3] : at::Tensor();
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

std::vector<double> doubles(const at::Tensor &t) { return {data<float>(t), data<float>(t) + t.numel()}; }
}  // namespace

ct_tensor *ct_fused_norm(const ct_tensor *x_, const ct_tensor *weight_, const ct_tensor *bias_, const ct_tensor *mean_,
                         const ct_tensor *variance_, const ct_tensor *residual_, const ct_norm *how) {
  return tensor([&]() -> at::Tensor {
    const auto &x = in(x_), &mean = in(mean_), &variance = in(variance_);
    auto weight = maybe(weight_), bias = maybe(bias_), residual = maybe(residual_);
    bool fit = fits(x, residual, weight, bias, mean, variance);
    if (fit && how->training) return FusedNorm::apply(x, *weight, *bias, residual, mean, variance, how);
    if (fit && !at::GradMode::is_enabled()) {
      Cut cut(x);
      Statistics of{doubles(mean), doubles(variance)};
      auto z = residual.value_or(at::Tensor());
      return x.scalar_type() == at::kFloat ? applied<float>(cut, x, *weight, *bias, of, z, *how)
                                           : applied<uint16_t>(cut, x, *weight, *bias, of, z, *how);
    }
    auto y = at::batch_norm(x, weight, bias, mean, variance, how->training, how->momentum, how->epsilon,
                            /*cudnn_enabled=*/true);
    if (residual) y = at::add(y, *residual);
    return how->relu ? at::relu(y) : y;
  });
}
