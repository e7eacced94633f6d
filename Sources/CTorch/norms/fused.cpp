// Batch norm with the addition, the ReLU and the maximum over windows behind it in one function, forward and backward.
#include <torch/csrc/autograd/custom_function.h>

#include "backward.h"

using namespace ct;
using namespace ct::norms;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {
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

/// Whether the loops here are in force and can do it: images of float32 or bfloat16 on the CPU, channels last, in whole
/// vectors.
bool fits(const at::Tensor &x, const c10::optional<at::Tensor> &residual, const c10::optional<at::Tensor> &weight,
          const c10::optional<at::Tensor> &bias, const at::Tensor &mean, const at::Tensor &variance) {
  if (kernels() == CT_KERNELS_OFF) return false;
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
