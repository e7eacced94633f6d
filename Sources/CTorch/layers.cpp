#include <ATen/core/grad_mode.h>

#include "CKernels/kernels.h"
#include "CKernels/pooling.h"
#include "conv2d.h"
#include "images.h"

using namespace ct;

static at::IntArrayRef pair(const int64_t *values) { return {values, 2}; }

/// Whether oneDNN might write past its memory: the gradient of a 1×1 kernel's weight, where strides skip pixels,
/// reserves room for the channels that there are and steps through it in blocks of 8 (AVX2) or 16 (AVX-512), see
/// https://github.com/uxlfoundation/oneDNN/issues/6035. Padded and grouped convolutions take other ways through it
/// today; they are kept from this one too, since the way round costs nothing.
static bool skips_pixels_of_few_channels(const at::Tensor &x, const at::Tensor &weight, const ct_convolution &how) {
  constexpr int64_t block = 16;
  // oneDNN does not compute in float64.
  return x.is_cpu() && x.scalar_type() != at::kDouble && x.dim() == 4 && x.numel() > 0 && weight.dim() == 4 &&
         weight.size(1) < block && weight.size(2) == 1 && weight.size(3) == 1 &&
         std::max(how.stride[0], how.stride[1]) > 1;
}

/// The same result: the pixels that a 1×1 kernel reads are taken first, then convolved one by one.
static at::Tensor convolution_of_taken_pixels(const at::Tensor &x, const at::Tensor &weight,
                                              const c10::optional<at::Tensor> &bias, const ct_convolution &how) {
  const auto padded = how.padding[0] == 0 && how.padding[1] == 0
                          ? x
                          : at::constant_pad_nd(x, {how.padding[1], how.padding[1], how.padding[0], how.padding[0]});
  const auto taken = padded.slice(2, 0, c10::nullopt, how.stride[0]).slice(3, 0, c10::nullopt, how.stride[1]);
  constexpr int64_t one[] = {1, 1}, none[] = {0, 0};
  return at::conv2d(taken.contiguous(x.suggest_memory_format()), weight, bias, pair(one), pair(none), pair(one),
                    how.groups);
}

ct_tensor *ct_conv2d(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias, const ct_convolution *how) {
  return tensor([&] {
    if (convolves(in(x), in(weight), maybe(bias), *how)) {
      return convolution(in(x), in(weight), maybe(bias), *how);
    }
    if (skips_pixels_of_few_channels(in(x), in(weight), *how)) {
      return convolution_of_taken_pixels(in(x), in(weight), maybe(bias), *how);
    }
    return at::conv2d(in(x), in(weight), maybe(bias), pair(how->stride), pair(how->padding), pair(how->dilation),
                      how->groups);
  });
}
ct_tensor *ct_patches(const ct_tensor *x, const int64_t *kernel, const ct_convolution *how) {
  return tensor(
      [&] { return at::im2col(in(x), pair(kernel), pair(how->dilation), pair(how->padding), pair(how->stride)); });
}
ct_tensor *ct_conv_transpose2d(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias,
                               const ct_convolution *how, const int64_t *output_padding) {
  return tensor([&] {
    return at::conv_transpose2d(in(x), in(weight), maybe(bias), pair(how->stride), pair(how->padding),
                                pair(output_padding), how->groups, pair(how->dilation));
  });
}
ct_tensor *ct_linear(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias) {
  return tensor([&] { return at::linear(in(x), in(weight), maybe(bias)); });
}
ct_tensor *ct_batch_norm(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias, const ct_tensor *mean,
                         const ct_tensor *variance, bool training, double momentum, double epsilon) {
  return tensor([&] {
    return at::batch_norm(in(x), maybe(weight), maybe(bias), in(mean), in(variance), training, momentum, epsilon,
                          /*cudnn_enabled=*/true);
  });
}
ct_tensor *ct_relu(const ct_tensor *x) {
  return tensor([&] { return at::relu(in(x)); });
}
ct_tensor *ct_leaky_relu(const ct_tensor *x, double slope) {
  return tensor([&] { return at::leaky_relu(in(x), slope); });
}
ct_tensor *ct_prelu(const ct_tensor *x, const ct_tensor *slope) {
  // libtorch wants both in one type, which autocast does not see to everywhere.
  return tensor([&] { return at::prelu(in(x), in(slope).to(in(x).scalar_type())); });
}
ct_tensor *ct_fake_quantize(const ct_tensor *x, double scale, int64_t zero_point, int64_t low, int64_t high) {
  return tensor([&] {
    const at::Tensor &values = in(x);
    if (at::GradMode::is_enabled() && values.requires_grad())
      return at::fake_quantize_per_tensor_affine(values, scale, zero_point, low, high);
    // The same several times as fast: libtorch's own kernel also makes a mask, and rounds element by element.
    const double zero = static_cast<double>(zero_point);
    return at::div(values, scale).round_().clamp_(low - zero, high - zero).mul_(scale);
  });
}
ct_tensor *ct_fake_quantize_rows(const ct_tensor *x, const ct_tensor *scales, int64_t low, int64_t high) {
  return tensor([&] {
    // In float32 always, so that a network in float64 has the weights that its file holds.
    const at::Tensor rows = in(scales).to(at::kFloat);
    const auto zeros = at::zeros_like(rows, at::kInt);
    return at::fake_quantize_per_channel_affine(in(x).to(at::kFloat), rows, zeros, 0, low, high)
        .to(in(x).scalar_type());
  });
}
ct_tensor *ct_elu(const ct_tensor *x, double alpha) {
  return tensor([&] { return at::elu(in(x), alpha); });
}
ct_tensor *ct_gelu(const ct_tensor *x, bool tanh) {
  return tensor([&] { return at::gelu(in(x), tanh ? "tanh" : "none"); });
}
ct_tensor *ct_silu(const ct_tensor *x) {
  return tensor([&] { return at::silu(in(x)); });
}
ct_tensor *ct_sigmoid(const ct_tensor *x) {
  return tensor([&] { return at::sigmoid(in(x)); });
}
ct_tensor *ct_tanh(const ct_tensor *x) {
  return tensor([&] { return at::tanh(in(x)); });
}
ct_tensor *ct_erf(const ct_tensor *x) {
  return tensor([&] { return at::erf(in(x)); });
}
ct_tensor *ct_hardswish(const ct_tensor *x) {
  return tensor([&] { return at::hardswish(in(x)); });
}
ct_tensor *ct_softplus(const ct_tensor *x) {
  return tensor([&] { return at::softplus(in(x)); });
}
ct_tensor *ct_mish(const ct_tensor *x) {
  return tensor([&] { return at::mish(in(x)); });
}
ct_tensor *ct_exp(const ct_tensor *x) {
  return tensor([&] { return at::exp(in(x)); });
}
ct_tensor *ct_log(const ct_tensor *x) {
  return tensor([&] { return at::log(in(x)); });
}
ct_tensor *ct_sign(const ct_tensor *x) {
  return tensor([&] { return at::sign(in(x)); });
}
ct_tensor *ct_layer_norm(const ct_tensor *x, int32_t axes, const ct_tensor *weight, const ct_tensor *bias,
                         double epsilon) {
  return tensor([&] {
    auto shape = in(x).sizes().slice(in(x).dim() - axes);
    return at::layer_norm(in(x), shape, maybe(weight), maybe(bias), epsilon);
  });
}
ct_tensor *ct_max_pool2d(const ct_tensor *x, const ct_pooling *how) {
  return tensor([&] {
    return at::max_pool2d(in(x), pair(how->kernel), pair(how->stride), pair(how->padding), 1, how->ceil_mode);
  });
}
ct_tensor *ct_avg_pool2d(const ct_tensor *x, const ct_pooling *how) {
  return tensor([&] {
    return at::avg_pool2d(in(x), pair(how->kernel), pair(how->stride), pair(how->padding), how->ceil_mode,
                          how->count_include_pad);
  });
}
/// The mean over the pixels of few small images, where most of what libtorch takes is setting out.
static at::Tensor mean_of_few(const at::Tensor &x) {
  auto y = at::empty({x.size(0), x.size(1), 1, 1}, x.options().memory_format(channels_last));
  ck::global_average_pool(images<const float>(x), y.mutable_data_ptr<float>());
  return y;
}

ct_tensor *ct_global_avg_pool(const ct_tensor *x) {
  return tensor([&] {
    const auto &all = in(x);
    constexpr int64_t few = 1 << 16;  // elements; with more, libtorch's threads pay
    const bool records = at::GradMode::is_enabled() && all.requires_grad();
    if (ck::kernels() != ck::Kernels::off && !records && all.is_cpu() && all.scalar_type() == at::kFloat &&
        all.dim() == 4 && all.numel() > 0 && all.numel() <= few && all.is_contiguous(channels_last)) {
      return mean_of_few(all);
    }
    return at::adaptive_avg_pool2d(all, {1, 1});
  });
}
ct_tensor *ct_upsample2d(const ct_tensor *x, const ct_upsampling *how) {
  return tensor([&] {
    const auto scale = [&](int axis) {
      return how->scale[axis] > 0 ? c10::optional<double>(how->scale[axis]) : c10::nullopt;
    };
    switch (how->mode) {
      case CT_BILINEAR: return at::upsample_bilinear2d(in(x), pair(how->size), how->align_corners, scale(0), scale(1));
      case CT_BICUBIC: return at::upsample_bicubic2d(in(x), pair(how->size), how->align_corners, scale(0), scale(1));
      default: return at::upsample_nearest2d(in(x), pair(how->size), scale(0), scale(1));
    }
  });
}
ct_tensor *ct_dropout(const ct_tensor *x, double probability, ct_generator *g) {
  return tensor([&] {
    // Drawn on the CPU, where the generator is, so that a seed gives the same masks on every device.
    auto keep = at::empty(in(x).sizes(), in(x).options().device(at::kCPU).requires_grad(false));
    keep.bernoulli_(1 - probability, *reinterpret_cast<at::Generator *>(g)).div_(1 - probability);
    return at::mul(in(x), keep.to(in(x).device()));
  });
}
ct_tensor *ct_cross_entropy(const ct_tensor *logits, const ct_tensor *labels, const ct_tensor *weights,
                            double smoothing, bool mean) {
  return tensor([&] {
    auto reduction = mean ? at::Reduction::Mean : at::Reduction::Sum;
    return at::cross_entropy_loss(in(logits), in(labels), maybe(weights), reduction, /*ignore_index=*/-100, smoothing);
  });
}
ct_tensor *ct_kl_divergence(const ct_tensor *logits, const ct_tensor *teacher) {
  return tensor([&] {
    auto expected = at::log_softmax(in(teacher).detach(), 1);
    auto total = at::kl_div(at::log_softmax(in(logits), 1), expected, at::Reduction::Sum, /*log_target=*/true);
    return at::div(total, static_cast<double>(in(logits).size(0)));
  });
}
