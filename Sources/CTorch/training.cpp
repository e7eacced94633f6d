#include <ATen/autocast_mode.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <torch/csrc/autograd/autograd.h>

#include "protect.h"

using namespace ct;

void ct_without_gradients(ct_body body, void *context) {
  at::NoGradGuard guard;
  body(context);
}

void ct_autocast(ct_body body, void *context) {
  constexpr at::DeviceType devices[] = {at::kCPU, at::kCUDA};
  bool was[2];
  at::ScalarType dtype[2];
  for (int i = 0; i < 2; i++) {
    was[i] = at::autocast::is_autocast_enabled(devices[i]);
    dtype[i] = at::autocast::get_autocast_dtype(devices[i]);
    at::autocast::set_autocast_enabled(devices[i], true);
    at::autocast::set_autocast_dtype(devices[i], at::kBFloat16);
  }
  at::autocast::increment_nesting();
  body(context);
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  for (int i = 0; i < 2; i++) {
    at::autocast::set_autocast_dtype(devices[i], dtype[i]);
    at::autocast::set_autocast_enabled(devices[i], was[i]);
  }
}

ct_tensor *ct_leaf(const ct_tensor *t) {
  return tensor([&] { return in(t).detach().requires_grad_(true); });
}

static std::vector<at::Tensor> gather(const ct_tensor *const *tensors, int32_t count) {
  std::vector<at::Tensor> all;
  all.reserve(count);
  for (int32_t i = 0; i < count; i++) all.push_back(in(tensors[i]));
  return all;
}

bool ct_gradients(const ct_tensor *loss, const ct_tensor *const *parameters, int32_t count, ct_tensor **out_) {
  return done([&] {
    auto leaves = gather(parameters, count);
    auto gradients = torch::autograd::grad({in(loss)}, leaves, {}, false, false, /*allow_unused=*/true);
    at::NoGradGuard guard;
    for (int32_t i = 0; i < count; i++) {
      auto &g = gradients[i];
      if (!g.defined()) {
        g = at::zeros_like(leaves[i]);
      } else if (g.strides() != leaves[i].strides() || g.use_count() > 1 || g.storage().use_count() > 1) {
        g = at::empty_like(leaves[i]).copy_(g);
      }
    }
    for (int32_t i = 0; i < count; i++) out_[i] = out(gradients[i].detach());
  });
}

bool ct_clip_norm(const ct_tensor *const *grads, int32_t count, double limit) {
  return done([&] {
    if (count == 0) return;
    auto g = gather(grads, count);
    at::NoGradGuard guard;
    auto norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(g, 2)), 2);
    at::_foreach_mul_(g, (limit / (norm + 1e-6)).clamp_max(1));
  });
}

/// The fused kernels read raw memory: buffers that are laid out differently would be silently mixed up.
static void check_strides(const std::vector<at::Tensor> &parameters, const std::vector<at::Tensor> &others,
                          const char *what) {
  for (size_t i = 0; i < others.size(); i++) {
    TORCH_CHECK(parameters[i].strides() == others[i].strides(), "parameter ", i, " and its ", what,
                " are laid out differently in memory");
  }
}

bool ct_sgd_step(const ct_tensor *const *parameters, const ct_tensor *const *grads, const ct_tensor *const *momenta,
                 int32_t count, const ct_sgd *how) {
  return done([&] {
    auto p = gather(parameters, count), g = gather(grads, count);
    auto v = how->momentum == 0 ? std::vector<at::Tensor>{} : gather(momenta, count);
    check_strides(p, g, "gradient");
    check_strides(p, v, "momentum");
    at::NoGradGuard guard;
    at::_fused_sgd_(p, g, v, how->weight_decay, how->momentum, how->lr, /*dampening=*/0, how->nesterov,
                    /*maximize=*/false, how->first);
  });
}

bool ct_adamw_step(const ct_tensor *const *parameters, const ct_tensor *const *grads, const ct_tensor *const *averages,
                   const ct_tensor *const *squares, int32_t count, const ct_adamw *how) {
  return done([&] {
    auto p = gather(parameters, count), g = gather(grads, count);
    auto m = gather(averages, count), v = gather(squares, count);
    check_strides(p, g, "gradient");
    check_strides(p, m, "average");
    check_strides(p, v, "average of squares");
    at::NoGradGuard guard;
    std::vector<at::Tensor> steps;
    for (auto &each : p) {
      steps.push_back(
          at::full({}, static_cast<double>(how->step), each.options().dtype(at::kFloat).requires_grad(false)));
    }
    at::_fused_adamw_(p, g, m, v, {}, steps, how->lr, how->beta1, how->beta2, how->weight_decay, how->epsilon,
                      /*amsgrad=*/false, /*maximize=*/false);
  });
}

bool ct_copy_into(const ct_tensor *target, const ct_tensor *source) {
  return done([&] {
    at::NoGradGuard guard;
    mutable_in(target).copy_(in(source));
  });
}

bool ct_lerp(const ct_tensor *const *targets, const ct_tensor *const *sources, int32_t count, double share) {
  return done([&] {
    if (count == 0) return;
    at::NoGradGuard guard;
    at::_foreach_lerp_(gather(targets, count), gather(sources, count), share);
  });
}

ct_tensor *ct_empty_like(const ct_tensor *t) {
  return tensor([&] { return at::empty_like(in(t).detach()); });
}
