// Convolutions of a training as functions of autograd, by the kernels of CKernels.
#include "conv2d.h"

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "CKernels/kernels.h"
#include "images.h"
#include "parallel.h"

using namespace ct;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {
/// The largest weight whose sums stay in the cache.
constexpr int64_t weight_bytes = 1 << 20;
/// With as many channels on both sides oneDNN's kernels are the faster in float32.
constexpr int64_t many = 64;

bool is_half(const at::Tensor &x) { return x.scalar_type() == at::kBFloat16; }

template <class T>
at::Tensor forward(const at::Tensor &x, const at::Tensor &w, const float *bias, const ct_convolution &how) {
  auto y =
      at::empty(list(ck::conv2d_sizes(sizes(x), sizes(w), options(how))), x.options().memory_format(channels_last));
  ck::conv2d<T>(images<const T>(x), weight(w), bias, options(how), data<T>(y), parallel());
  return y;
}

/// The sum of partial sums as a weight.
at::Tensor weight_gradient(const at::Tensor &partials, const ck::WeightGradientLayout &layout, const at::Tensor &w) {
  const auto all = at::sum(partials, 0).view({w.size(2), w.size(3), layout.singles, layout.lanes});
  return all.narrow(3, 0, w.size(layout.channels_in_lanes ? 1 : 0))
      .permute(layout.channels_in_lanes ? at::IntArrayRef{2, 3, 0, 1} : at::IntArrayRef{3, 2, 0, 1})
      .contiguous(channels_last);
}

/// The gradients of images and weight where they are asked for.
template <class T>
std::pair<at::Tensor, at::Tensor> backward(const at::Tensor &x, const at::Tensor &w, const at::Tensor &g,
                                           const ct_convolution &how, bool of_images, bool of_weight) {
  at::Tensor dx, partials;
  const auto layout = ck::weight_gradient_layout(sizes(x), sizes(w), sizeof(T));
  if (of_images) dx = at::empty(x.sizes(), g.options().memory_format(channels_last));
  if (of_weight) {
    const int64_t size = w.size(2) * w.size(3) * layout.singles * layout.lanes;
    partials = at::zeros({layout.partials, size}, x.options().dtype(at::kFloat));
  }
  ck::conv2d_backward<T>(images<const T>(x), weight(w), data<T>(g), options(how), data<T>(dx), data<float>(partials),
                         parallel());
  return {dx, of_weight ? weight_gradient(partials, layout, w) : at::Tensor()};
}

struct Convolution : torch::autograd::Function<Convolution> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &weight,
                            const c10::optional<at::Tensor> &bias, const ct_convolution *how) {
    context->save_for_backward({x, weight});
    context->saved_data["has_bias"] = bias.has_value();
    context->saved_data["stride"] = at::IntArrayRef(how->stride, 2).vec();
    context->saved_data["padding"] = at::IntArrayRef(how->padding, 2).vec();
    context->saved_data["dilation"] = at::IntArrayRef(how->dilation, 2).vec();
    const float *biases = bias ? bias->const_data_ptr<float>() : nullptr;
    return (is_half(x) ? &::forward<uint16_t> : &::forward<float>)(x, weight, biases, *how);
  }

  static variable_list backward(AutogradContext *context, variable_list from) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1];
    auto pair = [&](const char *name) { return context->saved_data[name].toIntVector(); };
    const auto stride = pair("stride"), padding = pair("padding"), dilation = pair("dilation");
    const ct_convolution how = {
        {stride[0], stride[1]}, {padding[0], padding[1]}, {dilation[0], dilation[1]}, /*groups=*/1};
    const auto g = from[0].to(x.scalar_type()).contiguous(channels_last);
    // Where strides are wide, most of what would be multiplied on the way back are the zeros between pixels.
    const bool wants_images = context->needs_input_grad(0), is_wide = stride[0] * stride[1] > 2;
    auto [dx, dweight] =
        (is_half(x) ? &::backward<uint16_t> : &::backward<float>)(x, weight, g, how, wants_images && !is_wide,
                                                                  context->needs_input_grad(1));
    if (wants_images && is_wide) {
      dx = std::get<0>(at::convolution_backward(g, x, weight.to(x.scalar_type()), c10::nullopt, stride, padding,
                                                dilation, /*transposed=*/false, {0, 0}, /*groups=*/1,
                                                {true, false, false}));
    }
    at::Tensor dbias;
    if (context->saved_data["has_bias"].toBool() && context->needs_input_grad(2)) {
      dbias = at::sum(g, {0, 2, 3}, /*keepdim=*/false, at::kFloat);
    }
    return {dx, dweight, dbias, {}};
  }
};

/// Under autocast to bfloat16.
bool is_autocast() {
  return at::autocast::is_autocast_enabled(at::kCPU) && at::autocast::get_autocast_dtype(at::kCPU) == at::kBFloat16;
}

/// The sums of a weight's gradient need AVX-512's registers.
bool has_loops(bool halves) { return halves ? ck::multiplies_bfloat16() : ck::kernels() == ck::Kernels::avx512; }
}  // namespace

bool ct::convolves(const at::Tensor &x, const at::Tensor &weight, const c10::optional<at::Tensor> &bias,
                   const ct_convolution &how) {
  const bool halves = is_autocast();
  if (!has_loops(halves) || !x.is_cpu() || x.dim() != 4 || x.numel() == 0) return false;
  // Images of other layouts stay what they are, by libtorch's convolution.
  const bool is_float = x.scalar_type() == at::kFloat;
  if (!(halves ? is_float || is_half(x) : is_float && x.is_contiguous(channels_last))) return false;
  if (!weight.is_cpu() || weight.scalar_type() != at::kFloat || weight.dim() != 4) return false;
  if (how.groups != 1 || x.size(1) != weight.size(1) || weight.numel() * 4 > weight_bytes) return false;
  if (!halves && std::min(weight.size(0), weight.size(1)) >= many) return false;
  if (bias && (!bias->is_cpu() || bias->scalar_type() != at::kFloat || !bias->is_contiguous())) return false;
  for (int i = 0; i < 2; i++) {
    const int64_t reach = how.dilation[i] * (weight.size(2 + i) - 1);
    if (how.padding[i] > reach || x.size(2 + i) + 2 * how.padding[i] <= reach) return false;
  }
  return true;
}

at::Tensor ct::convolution(const at::Tensor &x, const at::Tensor &weight, const c10::optional<at::Tensor> &bias,
                           const ct_convolution &how) {
  const auto images = is_autocast() ? x.to(at::kBFloat16).contiguous(channels_last) : x;
  return Convolution::apply(images, weight, bias, &how);
}
