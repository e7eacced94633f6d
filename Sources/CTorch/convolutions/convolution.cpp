#include "convolution.h"

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "../kernels.h"
#include "weight_gradient.h"

using namespace ct;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {
constexpr auto channels_last = at::MemoryFormat::ChannelsLast;
/// The largest weight whose sums stay in the cache.
constexpr int64_t weight_bytes = 1 << 20;
/// With as many channels on both sides oneDNN's kernels are the faster in float32.
constexpr int64_t many = 64;

bool is_half(const at::Tensor &x) { return x.scalar_type() == at::kBFloat16; }

template <class T>
at::Tensor made(const Geometry &geometry, const at::Tensor &x, const at::Tensor &weight, const float *bias) {
  const Convolved<T> convolved(geometry, x, weight, /*mirrored=*/false, bias);
  convolved.make();
  return convolved.result;
}

/// The gradients of images and weight where they are asked for.
template <class T>
std::pair<at::Tensor, at::Tensor> gradients(const Geometry &geometry, const at::Tensor &x, const at::Tensor &weight,
                                            const at::Tensor &g, bool of_images, bool of_weight) {
  std::optional<Convolved<T>> images;
  if (of_images) images.emplace(geometry.backward(x.sizes()), g, weight, /*mirrored=*/true, nullptr);
  at::Tensor dweight;
  if (of_weight) {
    dweight = weight_gradient<T>(geometry, x, g, images ? &*images : nullptr);
  } else if (images) {
    images->make();
  }
  return {images ? images->result : at::Tensor(), dweight};
}

struct Convolution : torch::autograd::Function<Convolution> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &weight,
                            const c10::optional<at::Tensor> &bias, const ct_convolution *how) {
    context->save_for_backward({x, weight});
    context->saved_data["has_bias"] = bias.has_value();
    context->saved_data["stride"] = at::IntArrayRef(how->stride, 2).vec();
    context->saved_data["padding"] = at::IntArrayRef(how->padding, 2).vec();
    context->saved_data["dilation"] = at::IntArrayRef(how->dilation, 2).vec();
    const Geometry geometry = Geometry::forward(x.sizes(), weight.sizes(), *how);
    const float *biases = bias ? bias->const_data_ptr<float>() : nullptr;
    return (is_half(x) ? &made<uint16_t> : &made<float>)(geometry, x, weight, biases);
  }

  static variable_list backward(AutogradContext *context, variable_list from) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1];
    auto pair = [&](const char *name) { return context->saved_data[name].toIntVector(); };
    const auto stride = pair("stride"), padding = pair("padding"), dilation = pair("dilation");
    const ct_convolution how = {
        {stride[0], stride[1]}, {padding[0], padding[1]}, {dilation[0], dilation[1]}, /*groups=*/1};
    const auto g = from[0].to(x.scalar_type()).contiguous(channels_last);
    const Geometry geometry = Geometry::forward(x.sizes(), weight.sizes(), how);
    // Where strides are wide, most of what would be multiplied on the way back are the zeros between pixels.
    const bool wants_images = context->needs_input_grad(0), is_wide = stride[0] * stride[1] > 2;
    auto [dx, dweight] = (is_half(x) ? &gradients<uint16_t> : &gradients<float>)(
        geometry, x, weight, g, wants_images && !is_wide, context->needs_input_grad(1));
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
bool has_loops(bool halves) { return halves ? multiply_bfloat16() : kernels() == CT_KERNELS_AVX512; }
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
