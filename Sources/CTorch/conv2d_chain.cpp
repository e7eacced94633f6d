// Convolutions in inference by the kernels of CKernels.
#include <ATen/core/grad_mode.h>

#include "CKernels/kernels.h"
#include "images.h"
#include "parallel.h"

using namespace ct;

ct_tensor *ct_direct_weight(const ct_tensor *w, const ct_tensor *bias) {
  return tensor([&] {
    ck::require_kernels();
    at::NoGradGuard none;
    TORCH_CHECK(in(w).scalar_type() == at::kFloat && in(w).device().is_cpu(),
                "expected a weight of float32 on the CPU");
    const auto biases = bias ? in(bias).to(at::kFloat).contiguous() : at::Tensor();
    auto packed = at::zeros({ck::packed_count(sizes(in(w)))}, at::kFloat);
    ck::pack(weight(in(w)), data<float>(biases), data<float>(packed));
    return packed;
  });
}

static ck::PackedConv2d packed(const ct_direct_weights &own) {
  return {in(own.packed).const_data_ptr<float>(),
          {own.sizes[0], own.sizes[1], own.sizes[2], own.sizes[3]},
          options(own.how)};
}

ct_tensor *ct_direct_convolutions(const ct_tensor *const *inputs, int32_t input_count, const ct_direct_step *steps,
                                  int32_t count, ct_finished finished, void *context) {
  return tensor([&] {
    ck::require_kernels();
    at::NoGradGuard none;
    c10::SmallVector<at::Tensor, 2> given;
    c10::SmallVector<ck::Sizes, 2> given_sizes;
    c10::SmallVector<const float *, 2> addresses;
    for (const auto *input : c10::ArrayRef(inputs, input_count)) {
      given.push_back(in(input).contiguous(channels_last));
      TORCH_CHECK(given.back().scalar_type() == at::kFloat, "expected float32, found ", given.back().scalar_type());
      given_sizes.push_back(sizes(given.back()));
      addresses.push_back(given.back().const_data_ptr<float>());
    }
    std::vector<ck::PackedConv2d> firsts(count);
    std::vector<ck::Conv2dStep> chained;
    chained.reserve(count);
    for (int32_t i = 0; i < count; i++) {
      const auto &step = steps[i];
      if (step.is_pair) firsts[i] = packed(step.before);
      chained.push_back({packed(step.own), step.is_pair ? &firsts[i] : nullptr, step.relu, step.input, step.addend});
    }
    ck::Conv2dChain chain(std::span(given_sizes.data(), given_sizes.size()), chained);
    auto y = at::empty(list(chain.sizes()), given[0].options().memory_format(channels_last));
    if (y.numel() == 0) return y;
    const auto workspace = at::empty({chain.workspace()}, given[0].options());
    chain.run(std::span<const float *const>(addresses.data(), addresses.size()), data<float>(workspace), data<float>(y),
              parallel(), finished, context);
    return y;
  });
}
