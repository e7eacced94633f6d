// The fused norm, forward and backward, against libtorch's batch norm in float64.
#include "check.h"

namespace arm {
namespace {
struct Case {
  int64_t channels, size = 6;
  bool residual = false, relu = true;
  std::vector<int64_t> window = {1, 1};

  std::string name() const {
    return std::to_string(channels) + " channels, " + std::to_string(size) + " pixels" +
           (residual ? ", residual" : "") + (relu ? "" : ", no ReLU") + ", window " + std::to_string(window[0]) + "x" +
           std::to_string(window[1]);
  }
};

Tensor scaled(const Tensor &t, double factor, double offset) {
  const Tensor product = ct_mul_scalar(t, factor);
  return ct_add_scalar(product, offset);
}

/// Output, new statistics and the gradients of x, γ, β and the residual, of values rounded to `origin`.
std::vector<Tensor> trained(const Case &c, ct_dtype dtype, ct_dtype origin) {
  Random random(7);
  auto rounded = [&](const Tensor &t) { return t.to(origin).to(dtype).channels_last(); };
  const Tensor offset = scaled(random.normal({1, c.channels, 1, 1}), 3, 0);
  const Tensor x = rounded(ct_add(scaled(random.normal({4, c.channels, c.size, c.size}), 2, 0), offset)).leaf();
  const Tensor other = rounded(random.normal({4, c.channels, c.size, c.size})).leaf();
  const Tensor weights = rounded(random.normal({4, c.channels, c.size / c.window[0], c.size / c.window[1]}));
  const ct_dtype of = dtype == CT_FLOAT64 ? CT_FLOAT64 : CT_FLOAT32;
  // Of either sign: where the scale is negative, the least value of a window becomes the largest.
  const double spread = c.window[0] * c.window[1] == 1 ? 0.3 : 2;
  const Tensor scale = scaled(random.normal({c.channels}), spread, 1).to(of).leaf();
  const Tensor shift = scaled(random.normal({c.channels}), 0.3, 1).to(of).leaf();
  const Tensor mean = full(0, of, {c.channels}), variance = full(1, of, {c.channels});
  const ct_norm how = {0.1, 1e-5, /*training=*/true, c.relu, {c.window[0], c.window[1]}};
  const Tensor y = ct_fused_norm(x, scale, shift, mean, variance, c.residual ? other : Tensor(), &how);
  std::vector<Tensor> result = {ct_detach(y), mean, variance};
  for (const auto &g : gradients(y, weights, {x, scale, shift, other})) result.push_back(g);
  return result;
}

Tensor evaluated(const Case &c, ct_dtype dtype) {
  Random random(8);
  const Tensor x = random.normal({2, c.channels, c.size, c.size}).to(dtype).channels_last();
  const Tensor other = random.normal({2, c.channels, c.size, c.size}).to(dtype).channels_last();
  const Tensor scale = random.normal({c.channels}).to(dtype), shift = random.normal({c.channels}).to(dtype);
  const Tensor mean = random.normal({c.channels}).to(dtype), variance = full(0.7, dtype, {c.channels});
  const ct_norm how = {0.1, 1e-5, /*training=*/false, c.relu, {c.window[0], c.window[1]}};
  Tensor y;
  under(ct_without_gradients,
        [&] { y = ct_fused_norm(x, scale, shift, mean, variance, c.residual ? other : Tensor(), &how); });
  return y;
}

void compare(const Case &c) {
  static const char *const names[] = {"output", "mean", "variance", "dx", "dγ", "dβ", "dresidual"};
  const bool is_plain = c.window[0] * c.window[1] == 1;
  const auto expected = trained(c, CT_FLOAT64, CT_FLOAT32), found = trained(c, CT_FLOAT32, CT_FLOAT32);
  for (size_t i = 0; i < found.size(); i++) {
    expect_near(found[i], expected[i], is_plain ? 2e-6 : 4e-6, "norm of " + c.name() + ", " + names[i]);
  }
  expect_near(evaluated(c, CT_FLOAT32), evaluated(c, CT_FLOAT64), 2e-6, "norm in evaluation of " + c.name());
  // With less than a vector of channels libtorch pools values that are rounded already, of which more are equal; what
  // is not in whole vectors goes libtorch's way, which rounds before the ReLU.
  if ((!is_plain && c.channels < 16) || 4 * c.channels * c.size * c.size % 16 != 0) return;
  const auto half = trained(c, CT_BFLOAT16, CT_BFLOAT16), exact = trained(c, CT_FLOAT64, CT_BFLOAT16);
  for (size_t i = 0; i < half.size(); i++) {
    expect_near(half[i], exact[i], 1e-2, "norm in bfloat16 of " + c.name() + ", " + names[i]);
  }
}

/// A training that diverges has to be seen: a ReLU must not make a zero of NaN.
void check_nan() {
  for (ct_dtype dtype : {CT_FLOAT32, CT_BFLOAT16}) {
    const Tensor x = full(NAN, dtype, {2, 16, 4, 4}).channels_last();
    const Tensor one = full(1, CT_FLOAT32, {16}), mean = full(0, CT_FLOAT32, {16}),
                 variance = full(1, CT_FLOAT32, {16});
    const ct_norm how = {0.1, 1e-5, /*training=*/false, /*relu=*/true, {1, 1}};
    Tensor y;
    under(ct_without_gradients, [&] { y = ct_fused_norm(x, one, one, mean, variance, nullptr, &how); });
    expect(std::isnan(y.values()[0]), "NaN passes the ReLU behind a norm");
  }
}

void check_threads() {
  const int32_t before = ct_threads();
  std::vector<std::vector<double>> all[2];
  for (int32_t threads : {1, 2}) {
    ct_set_threads(threads);
    for (const auto &window : {std::vector<int64_t>{1, 1}, {2, 2}}) {
      for (const auto &t : trained({24, 32, false, true, window}, CT_FLOAT32, CT_FLOAT32)) {
        all[threads - 1].push_back(t.values());
      }
    }
  }
  ct_set_threads(before);
  expect(all[0] == all[1], "the number of threads changes no bit of a norm");
}
}  // namespace

void check_norms() {
  for (int64_t channels : {1, 5, 13, 16, 24, 64, 100}) {
    for (bool residual : {false, true}) compare({channels, 6, residual});
  }
  for (int64_t channels : {13, 16, 24, 64}) {
    for (const auto &window : {std::vector<int64_t>{2, 2}, {3, 2}, {1, 3}, {6, 6}}) {
      compare({channels, 6, false, true, window});
    }
  }
  compare({16, 6, true, /*relu=*/false});
  compare({3, 5, true});
  check_nan();
  check_threads();
}
}  // namespace arm
