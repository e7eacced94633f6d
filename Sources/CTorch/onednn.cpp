// Convolutions made ready for use: oneDNN's, with the weight in its own order and what follows done in the same pass.
// libtorch has them as operators without C++ functions of their own.
#include <ATen/Context.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include "protect.h"

using namespace ct;

namespace {
using Scalars = c10::List<std::optional<at::Scalar>>;
using MaybeTensor = std::optional<at::Tensor>;
using MaybeName = std::optional<c10::string_view>;
using Pointwise = at::Tensor(const at::Tensor &, const at::Tensor &, const MaybeTensor &, at::IntArrayRef,
                             at::IntArrayRef, at::IntArrayRef, int64_t, c10::string_view, Scalars, MaybeName);
using Binary = at::Tensor(const at::Tensor &, const at::Tensor &, const at::Tensor &, const MaybeTensor &,
                          at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, int64_t, c10::string_view,
                          std::optional<at::Scalar>, MaybeName, Scalars, MaybeName);
using Reorder = at::Tensor(const at::Tensor &, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, int64_t,
                           at::OptionalIntArrayRef);

at::IntArrayRef pair(const int64_t *values) { return {values, 2}; }

std::optional<c10::OperatorHandle> found(const char *name, const char *overload = "") {
  return c10::Dispatcher::singleton().findSchema({name, overload});
}
const auto &pointwise() {
  static const auto handle = found("mkldnn::_convolution_pointwise");
  return handle;
}
const auto &binary() {
  static const auto handle = found("mkldnn::_convolution_pointwise", "binary");
  return handle;
}
const auto &reorder() {
  static const auto handle = found("mkldnn::_reorder_convolution_weight");
  return handle;
}
}  // namespace

bool ct_packs_convolutions(void) {
  return protect(false, [] { return at::hasMKLDNN() && pointwise() && binary() && reorder(); });
}

/// A caller that does not ask first gets a sentence, not a call of nothing.
static void check_operators() {
  TORCH_CHECK(ct_packs_convolutions(), "expected a libtorch with oneDNN's packed convolutions, found one without");
}

ct_tensor *ct_pack_weight(const ct_tensor *weight, const ct_convolution *how, const int64_t *input_sizes) {
  return tensor([&] {
    check_operators();
    at::NoGradGuard none;
    return reorder()->typed<Reorder>().call(in(weight), pair(how->padding), pair(how->stride), pair(how->dilation),
                                            how->groups, list(input_sizes, 4));
  });
}

ct_tensor *ct_packed_convolution(const ct_tensor *x, const ct_tensor *addend, const ct_tensor *packed,
                                 const ct_tensor *bias, const ct_convolution *how, bool relu) {
  return tensor([&] {
    check_operators();
    at::NoGradGuard none;
    const auto images = in(x).contiguous(at::MemoryFormat::ChannelsLast);
    const auto name = relu ? MaybeName("relu") : MaybeName();
    if (!addend) {
      return pointwise()->typed<Pointwise>().call(images, in(packed), maybe(bias), pair(how->padding),
                                                  pair(how->stride), pair(how->dilation), how->groups,
                                                  name.value_or("none"), Scalars(), MaybeName());
    }
    const auto other = in(addend).contiguous(at::MemoryFormat::ChannelsLast);
    return binary()->typed<Binary>().call(images, other, in(packed), maybe(bias), pair(how->padding), pair(how->stride),
                                          pair(how->dilation), how->groups, "add", std::nullopt, name, Scalars(),
                                          MaybeName());
  });
}
