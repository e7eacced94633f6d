// Batch norm with the addition, the ReLU and the max pooling behind it as one function of autograd, by the loops of
// CKernels where they fit.
#include "CKernels/batch_norm.h"

#include <torch/csrc/autograd/custom_function.h>

#include "CKernels/kernels.h"
#include "images.h"
#include "parallel.h"

using namespace ct;
using ck::Mask;
using ck::Statistics;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {
/// Elements that fill a vector.
constexpr int64_t width = 16;

bool is_float(const at::Tensor &x) { return x.scalar_type() == at::kFloat; }

bool pools(const ct_norm &how) { return how.pool[0] > 1 || how.pool[1] > 1; }

/// The value of each window that the norm's largest comes from.
template <class T>
at::Tensor pooled(const at::Tensor &x, const at::Tensor &weight, const int64_t *kernel) {
  auto largest = at::empty({x.size(0), x.size(1), x.size(2) / kernel[0], x.size(3) / kernel[1]},
                           x.options().memory_format(channels_last));
  ck::max_pool<T>(images<const T>(x), data<float>(weight), images<T>(largest), parallel());
  return largest;
}

/// relu(norm(x) + z), or the largest of each window of it, with `largest` set to where those came from.
template <class T>
at::Tensor result(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, const Statistics &of,
                  const at::Tensor &z, const ct_norm &how, at::Tensor &largest) {
  if (pools(how)) largest = pooled<T>(x, weight, how.pool);
  const auto &from = largest.defined() ? largest : x;
  auto y = at::empty_like(from);
  ck::batch_norm<T>(images<const T>(from), {data<float>(weight), data<float>(bias), of, how.epsilon}, data<T>(z),
                    how.relu, data<T>(y), parallel());
  return y;
}

/// What a run in training keeps for its gradients: x, γ and β, the result where it is the mask, and the largest values
/// of windows.
struct Saved {
  at::Tensor x, weight, bias, y, largest;
  Statistics of;
  double epsilon;
  Mask mask;
};

/// Gradients of x, γ, β and of what was added.
template <class T>
std::vector<at::Tensor> gradients(const at::Tensor &g, const Saved &run) {
  auto dz = run.mask == Mask::output ? at::empty_like(run.x) : g;
  auto dweight = at::empty_like(run.weight), dbias = at::empty_like(run.bias), dx = at::empty_like(run.x);
  ck::BatchNormRun<T> forward = {data<T>(g), images<const T>(run.x), run.mask, data<T>(run.y)};
  if (run.largest.defined()) forward.largest = images<const T>(run.largest);
  ck::batch_norm_backward<T>(forward, {data<float>(run.weight), data<float>(run.bias), run.of, run.epsilon},
                             {data<T>(dx), data<float>(dweight), data<float>(dbias), data<T>(dz)}, parallel());
  return {dx, dweight, dbias, dz};
}

struct FusedNorm : torch::autograd::Function<FusedNorm> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &weight,
                            const at::Tensor &bias, const c10::optional<at::Tensor> &residual,
                            const at::Tensor &running_mean, const at::Tensor &running_variance, const ct_norm *how) {
    auto of = is_float(x) ? ck::batch_statistics<float>(images<const float>(x), parallel())
                          : ck::batch_statistics<uint16_t>(images<const uint16_t>(x), parallel());
    auto z = residual.value_or(at::Tensor());
    at::Tensor largest;
    auto y = is_float(x) ? result<float>(x, weight, bias, of, z, *how, largest)
                         : result<uint16_t>(x, weight, bias, of, z, *how, largest);
    move(running_mean, of.mean, how->momentum, 1);
    const double rows = static_cast<double>(x.numel() / x.size(1)), unbiased = rows / (rows - 1);
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
    auto &kept = context->saved_data;
    Saved run{saved[0],
              saved[1],
              saved[2],
              saved[3],
              saved[4],
              {kept["mean"].toDoubleVector(), kept["variance"].toDoubleVector()},
              kept["epsilon"].toDouble(),
              static_cast<Mask>(kept["mask"].toInt())};
    auto g = from[0].to(run.x.scalar_type()).contiguous(channels_last);
    auto all = is_float(run.x) ? gradients<float>(g, run) : gradients<uint16_t>(g, run);
    auto dz = kept["adds"].toBool() ? all[3] : at::Tensor();
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
  if (ck::kernels() == ck::Kernels::off) return false;
  if (!x.is_cpu() || x.dim() != 4 || !x.is_contiguous(channels_last)) return false;
  if (x.scalar_type() != at::kFloat && x.scalar_type() != at::kBFloat16) return false;
  const int64_t c = x.size(1);
  if (x.numel() == 0 || x.numel() % width != 0 || x.numel() / c < 2) return false;
  if (!is_vector(weight, c) || !is_vector(bias, c) || !is_vector(mean, c) || !is_vector(variance, c)) return false;
  if (!residual) return true;
  return residual->is_cpu() && residual->scalar_type() == x.scalar_type() && residual->sizes() == x.sizes() &&
         residual->is_contiguous(channels_last);
}

/// Whether windows are whole and channels fill a vector.
bool fit_windows(const at::Tensor &x, const c10::optional<at::Tensor> &residual, const ct_norm &how) {
  if (!how.relu || residual || x.size(1) < width) return false;
  if (x.size(2) % how.pool[0] != 0 || x.size(3) % how.pool[1] != 0) return false;
  return x.numel() / (how.pool[0] * how.pool[1]) % width == 0;
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
  return tensor(
      [&] { return fused(in(x), maybe(weight), maybe(bias), in(mean), in(variance), maybe(residual), *how); });
}
