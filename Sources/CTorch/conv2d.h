// Convolutions with their gradients, of as few channels as small networks have; oneDNN's kernels want them in sixteens.
#pragma once
#include "protect.h"

namespace ct {
/// Whether they are made here: on a processor with the instructions, in float32 or under autocast to bfloat16, in one
/// group and where it pays.
bool convolves(const at::Tensor &x, const at::Tensor &weight, const c10::optional<at::Tensor> &bias,
               const ct_convolution &how);
/// x ∗ weight + bias, channels last.
at::Tensor convolution(const at::Tensor &x, const at::Tensor &weight, const c10::optional<at::Tensor> &bias,
                       const ct_convolution &how);
}  // namespace ct
