#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <limits>

#include "protect.h"

using namespace ct;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {
/// A slice of images that lie channels last, whose gradient lies so too: libtorch's own does not, and is added up with
/// others an element at a time.
struct Slice : torch::autograd::Function<Slice> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, int64_t dim, int64_t start, int64_t end,
                            int64_t step) {
    context->saved_data["sizes"] = x.sizes().vec();
    context->saved_data["slice"] = std::vector<int64_t>{dim, start, end, step};
    return x.slice(dim, start, end, step);
  }
  static variable_list backward(AutogradContext *context, variable_list from) {
    const auto slice = context->saved_data["slice"].toIntVector();
    auto all = at::empty(context->saved_data["sizes"].toIntVector(),
                         from[0].options().memory_format(at::MemoryFormat::ChannelsLast));
    all.zero_().slice(slice[0], slice[1], slice[2], slice[3]).copy_(from[0]);
    return {all, {}, {}, {}, {}};
  }
};
}  // namespace

ct_tensor *ct_add(const ct_tensor *a, const ct_tensor *b) {
  return tensor([&] { return at::add(in(a), in(b)); });
}
ct_tensor *ct_sub(const ct_tensor *a, const ct_tensor *b) {
  return tensor([&] { return at::sub(in(a), in(b)); });
}
ct_tensor *ct_mul(const ct_tensor *a, const ct_tensor *b) {
  return tensor([&] { return at::mul(in(a), in(b)); });
}
ct_tensor *ct_div(const ct_tensor *a, const ct_tensor *b) {
  return tensor([&] { return at::div(in(a), in(b)); });
}
ct_tensor *ct_add_scalar(const ct_tensor *a, double b) {
  return tensor([&] { return at::add(in(a), b); });
}
ct_tensor *ct_mul_scalar(const ct_tensor *a, double b) {
  return tensor([&] { return at::mul(in(a), b); });
}
ct_tensor *ct_pow_scalar(const ct_tensor *a, double exponent) {
  return tensor([&] { return at::pow(in(a), exponent); });
}
ct_tensor *ct_abs(const ct_tensor *a) {
  return tensor([&] { return at::abs(in(a)); });
}
ct_tensor *ct_sqrt(const ct_tensor *a) {
  return tensor([&] { return at::sqrt(in(a)); });
}
/// `value` as a number of the tensor's type; one that the type cannot hold is infinite, where libtorch refuses it.
static double held(const at::Tensor &a, double value) {
  // The largest bfloat16 is a little less than the largest float32.
  constexpr double largest = 3.38e38;
  const bool holds = a.scalar_type() == at::kDouble || std::abs(value) <= largest;
  return holds ? value : std::copysign(std::numeric_limits<double>::infinity(), value);
}

ct_tensor *ct_clamp(const ct_tensor *a, double low, double high) {
  return tensor([&] { return at::clamp(in(a), held(in(a), low), held(in(a), high)); });
}
ct_tensor *ct_hardtanh(const ct_tensor *x, double low, double high) {
  return tensor([&] { return at::hardtanh(in(x), held(in(x), low), held(in(x), high)); });
}
ct_tensor *ct_softmax(const ct_tensor *a, int64_t dim) {
  return tensor([&] { return at::softmax(in(a), dim); });
}
ct_tensor *ct_log_softmax(const ct_tensor *a, int64_t dim) {
  return tensor([&] { return at::log_softmax(in(a), dim); });
}
ct_tensor *ct_argmax(const ct_tensor *a, int64_t dim) {
  return tensor([&] { return at::argmax(in(a), dim); });
}
ct_tensor *ct_equal_mask(const ct_tensor *a, const ct_tensor *b) {
  return tensor([&] { return at::eq(in(a), in(b)).to(at::kLong); });
}
ct_tensor *ct_sum(const ct_tensor *a, const int64_t *dims, int32_t count, bool keep) {
  return tensor([&] { return count == 0 ? at::sum(in(a)) : at::sum(in(a), list(dims, count), keep); });
}
ct_tensor *ct_histogram(const ct_tensor *a, int64_t bins, double low, double high) {
  return tensor([&] { return at::histc(in(a), bins, low, high); });
}
ct_tensor *ct_extremes(const ct_tensor *a) {
  return tensor([&] {
    const auto [least, largest] = at::aminmax(in(a));
    return at::stack({least, largest});
  });
}
ct_tensor *ct_amax(const ct_tensor *a, const int64_t *dims, int32_t count, bool keep) {
  return tensor([&] { return at::amax(in(a), list(dims, count), keep); });
}
ct_tensor *ct_matmul(const ct_tensor *a, const ct_tensor *b) {
  return tensor([&] { return at::matmul(in(a), in(b)); });
}
ct_tensor *ct_transpose(const ct_tensor *a, int64_t first, int64_t second) {
  return tensor([&] { return in(a).transpose(first, second); });
}
ct_tensor *ct_permute(const ct_tensor *a, const int64_t *axes, int32_t count) {
  return tensor([&] { return in(a).permute(list(axes, count)); });
}
ct_tensor *ct_expand(const ct_tensor *a, const int64_t *sizes, int32_t rank) {
  return tensor([&] { return in(a).expand(list(sizes, rank)); });
}
ct_tensor *ct_reshape(const ct_tensor *a, const int64_t *sizes, int32_t rank) {
  return tensor([&] { return in(a).reshape(list(sizes, rank)); });
}
ct_tensor *ct_slice(const ct_tensor *a, int64_t dim, int64_t start, int64_t end, int64_t step) {
  return tensor([&] {
    const auto &x = in(a);
    const bool records = at::GradMode::is_enabled() && x.requires_grad();
    if (records && x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast)) {
      return Slice::apply(x, dim, start, end, step);
    }
    return x.slice(dim, start, end, step);
  });
}
ct_tensor *ct_index_select(const ct_tensor *a, int64_t dim, const int64_t *indices, int64_t count) {
  return tensor([&] {
    auto which = at::empty({count}, at::kLong);
    std::copy(indices, indices + count, which.mutable_data_ptr<int64_t>());
    return in(a).index_select(dim, which);
  });
}
ct_tensor *ct_cat(const ct_tensor *const *parts, int32_t count, int64_t dim) {
  return tensor([&] {
    std::vector<at::Tensor> all;
    for (int32_t i = 0; i < count; i++) all.push_back(in(parts[i]));
    return at::cat(all, dim);
  });
}
ct_tensor *ct_pad(const ct_tensor *a, const int64_t *pads, int32_t count, double value) {
  return tensor([&] { return at::constant_pad_nd(in(a), list(pads, count), held(in(a), value)); });
}
// LAPACK answers NaN with garbage, where the singular value decomposition refuses.
static const at::Tensor &finite(const at::Tensor &a) {
  TORCH_CHECK(at::isfinite(a).all().item<bool>(), "a matrix that is not finite cannot be decomposed");
  return a;
}

bool ct_eigh(const ct_tensor *a, ct_tensor **values, ct_tensor **vectors) {
  return done([&] {
    auto [lambda, basis] = at::linalg_eigh(finite(in(a)));
    *values = out(lambda);
    *vectors = out(basis);
  });
}
ct_tensor *ct_eigvalsh(const ct_tensor *a) {
  return tensor([&] { return at::linalg_eigvalsh(finite(in(a))); });
}
bool ct_svd(const ct_tensor *a, ct_tensor **u, ct_tensor **s, ct_tensor **vh) {
  return done([&] {
    auto [left, sigma, right] = at::linalg_svd(in(a), /*full_matrices=*/false);
    *u = out(left);
    *s = out(sigma);
    *vh = out(right);
  });
}
bool ct_qr(const ct_tensor *a, ct_tensor **q, ct_tensor **r) {
  return done([&] {
    auto [orthogonal, triangular] = at::linalg_qr(finite(in(a)), "reduced");
    *q = out(orthogonal);
    *r = out(triangular);
  });
}
ct_tensor *ct_cholesky(const ct_tensor *a) {
  return tensor([&] { return at::linalg_cholesky(finite(in(a))); });
}
ct_tensor *ct_solve_triangle(const ct_tensor *l, const ct_tensor *b, bool transposed) {
  return tensor([&] {
    const at::Tensor triangle = transposed ? in(l).transpose(0, 1) : in(l);
    return at::linalg_solve_triangular(triangle, in(b), /*upper=*/transposed);
  });
}
ct_tensor *ct_svdvals(const ct_tensor *a) {
  return tensor([&] { return at::linalg_svdvals(in(a)); });
}
