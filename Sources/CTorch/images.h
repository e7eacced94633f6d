// Tensors as the kernels of CKernels are given them.
#pragma once
#include "CKernels/conv2d.h"
#include "protect.h"

namespace ct {
constexpr auto channels_last = at::MemoryFormat::ChannelsLast;

/// Of a tensor of four axes.
inline ck::Sizes sizes(const at::Tensor &t) { return {t.size(0), t.size(1), t.size(2), t.size(3)}; }
inline at::IntArrayRef list(const ck::Sizes &sizes) { return {sizes.data(), sizes.size()}; }

/// Nothing of a tensor that is not there.
template <class T>
T *data(const at::Tensor &t) {
  return t.defined() ? static_cast<T *>(t.data_ptr()) : nullptr;
}

/// Images of float32 or, with T = uint16_t, of bfloat16, channels last.
template <class T>
ck::Images<T> images(const at::Tensor &t) {
  return {data<std::remove_const_t<T>>(t), sizes(t)};
}

inline ck::Weight weight(const at::Tensor &t) {
  return {t.const_data_ptr<float>(), sizes(t), {t.stride(0), t.stride(1), t.stride(2), t.stride(3)}};
}

inline ck::Conv2dOptions options(const ct_convolution &how) {
  return {{how.stride[0], how.stride[1]}, {how.padding[0], how.padding[1]}, {how.dilation[0], how.dilation[1]}};
}
}  // namespace ct
