#include "convolution.h"

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

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

at::Tensor made(const Way &way, const at::Tensor &x, const at::Tensor &weight, bool mirrored, const float *bias) {
  return is_half(x) ? Work<uint16_t>(way, x, weight, mirrored, bias).made()
                    : Work<float>(way, x, weight, mirrored, bias).made();
}

/// The gradients of images and weight where they are asked for.
template <class T>
std::pair<at::Tensor, at::Tensor> gradients(const Way &way, const at::Tensor &x, const at::Tensor &weight,
                                            const at::Tensor &g, bool of_images, bool of_weight) {
  std::optional<Work<T>> images;
  if (of_images) images.emplace(way.backward(x.sizes()), g, weight, /*mirrored=*/true, nullptr);
  at::Tensor dweight;
  if (of_weight) {
    dweight = weight_gradient<T>(way, x, g, images ? &*images : nullptr);
  } else if (images) {
    images->made();
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
    const Way way = Way::forward(x.sizes(), weight.sizes(), *how);
    return made(way, x, weight, /*mirrored=*/false, bias ? bias->const_data_ptr<float>() : nullptr);
  }

  static variable_list backward(AutogradContext *context, variable_list from) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1];
    auto pair = [&](const char *name) { return context->saved_data[name].toIntVector(); };
    const auto stride = pair("stride"), padding = pair("padding"), dilation = pair("dilation");
    const ct_convolution how = {
        {stride[0], stride[1]}, {padding[0], padding[1]}, {dilation[0], dilation[1]}, /*groups=*/1};
    const auto g = from[0].to(x.scalar_type()).contiguous(channels_last);
    const Way way = Way::forward(x.sizes(), weight.sizes(), how);
    // Where strides are wide, most of what would be multiplied on the way back are the zeros between pixels.
    const bool wants_images = context->needs_input_grad(0), is_wide = stride[0] * stride[1] > 2;
    auto [dx, dweight] = (is_half(x) ? &gradients<uint16_t> : &gradients<float>)(
        way, x, weight, g, wants_images && !is_wide, context->needs_input_grad(1));
    if (wants_images && is_wide) {
      dx = std::get<0>(at::convolution_backward(g, x, weight.to(x.scalar_type()), c10::nullopt, stride, padding, dilation,
                                                /*transposed=*/false, {0, 0}, /*groups=*/1, {true, false, false}));
    }
    at::Tensor dbias;
    if (context->saved_data["has_bias"].toBool() && context->needs_input_grad(2)) {
      dbias = at::sum(g, {0, 2, 3}, /*keepdim=*/false, at::kFloat);
    }
    return {dx, dweight, dbias, {}};
  }
};

bool multiplies_float32() {
#if defined(__x86_64__)
  return lanes::has_avx512();
#else
  return false;
#endif
}

/// Under autocast to bfloat16, as which images come then.
bool halves() {
  return at::autocast::is_autocast_enabled(at::kCPU) && at::autocast::get_autocast_dtype(at::kCPU) == at::kBFloat16;
}
}  // namespace

bool ct_multiplies_bfloat16(void) { return direct::chosen_row<uint16_t>() != nullptr; }

bool ct::convolves(const at::Tensor &x, const at::Tensor &weight, const c10::optional<at::Tensor> &bias,
                   const ct_convolution &how) {
  if (!(halves() ? ct_multiplies_bfloat16() : multiplies_float32())) return false;
  const bool is_image = x.is_cpu() && x.dim() == 4 && (x.scalar_type() == at::kFloat || (halves() && is_half(x)));
  if (!is_image || !weight.is_cpu() || weight.scalar_type() != at::kFloat || weight.dim() != 4) return false;
  // Of other layouts libtorch's way keeps what they are.
  if (!halves() && !x.is_contiguous(channels_last)) return false;
  if (how.groups != 1 || x.size(1) != weight.size(1) || x.numel() == 0) return false;
  if (weight.numel() * 4 > weight_bytes) return false;
  if (!halves() && std::min(weight.size(0), weight.size(1)) >= many) return false;
  if (bias && (!bias->is_cpu() || bias->scalar_type() != at::kFloat || !bias->is_contiguous())) return false;
  for (int i = 0; i < 2; i++) {
    const int64_t reach = how.dilation[i] * (weight.size(2 + i) - 1);
    if (how.padding[i] > reach || x.size(2 + i) + 2 * how.padding[i] <= reach) return false;
  }
  return true;
}

at::Tensor ct::convolution(const at::Tensor &x, const at::Tensor &weight, const c10::optional<at::Tensor> &bias,
                           const ct_convolution &how) {
  const auto images = halves() ? x.to(at::kBFloat16).contiguous(channels_last) : x;
  return Convolution::apply(images, weight, bias, &how);
}
