// The optimisers against their formulas, and libtorch's linear algebra, by the BLAS and LAPACK of this platform.
#include "check.h"

namespace arm {
namespace {
constexpr double rate = 0.1, momentum = 0.9, decay = 0.01;

/// SGD with Nesterov momentum as PyTorch documents it: v ← m·v + g, p ← p − rate·(g + m·v), g with the decay.
void check_sgd() {
  Random random(1);
  const Tensor p = random.normal({37}), v = full(0, CT_FLOAT32, {37});
  auto expected = p.values();
  std::vector<double> moved(expected.size());
  for (int step = 0; step < 3; step++) {
    const Tensor g = random.normal({37});
    const auto slopes = g.values();
    for (size_t i = 0; i < expected.size(); i++) {
      const double slope = slopes[i] + decay * expected[i];
      moved[i] = momentum * moved[i] + slope;
      expected[i] -= rate * (slope + momentum * moved[i]);
    }
    const ct_tensor *const ps[] = {p}, *const gs[] = {g}, *const vs[] = {v};
    const ct_sgd how = {rate, momentum, decay, /*nesterov=*/true, /*first=*/false};
    expect(ct_sgd_step(ps, gs, vs, 1, &how), "a step of SGD");
  }
  const auto found = p.values();
  double worst = 0;
  for (size_t i = 0; i < found.size(); i++) worst = std::fmax(worst, std::fabs(found[i] - expected[i]));
  expect(worst < 1e-6, "three steps of SGD, off by " + std::to_string(worst * 1e6) + "e-6");
}

/// AdamW (Loshchilov & Hutter 2019, algorithm 2).
void check_adamw() {
  Random random(2);
  const Tensor p = random.normal({37}), m = full(0, CT_FLOAT32, {37}), v = full(0, CT_FLOAT32, {37});
  auto expected = p.values();
  std::vector<double> average(expected.size()), square(expected.size());
  for (int step = 1; step <= 3; step++) {
    const Tensor g = random.normal({37});
    const auto slopes = g.values();
    for (size_t i = 0; i < expected.size(); i++) {
      average[i] = 0.9 * average[i] + 0.1 * slopes[i];
      square[i] = 0.999 * square[i] + 0.001 * slopes[i] * slopes[i];
      const double mean = average[i] / (1 - std::pow(0.9, step)), spread = square[i] / (1 - std::pow(0.999, step));
      expected[i] -= rate * decay * expected[i];
      expected[i] -= rate * mean / (std::sqrt(spread) + 1e-8);
    }
    const ct_tensor *const ps[] = {p}, *const gs[] = {g}, *const ms[] = {m}, *const vs[] = {v};
    const ct_adamw how = {rate, 0.9, 0.999, decay, 1e-8, step};
    expect(ct_adamw_step(ps, gs, ms, vs, 1, &how), "a step of AdamW");
  }
  const auto found = p.values();
  double worst = 0;
  for (size_t i = 0; i < found.size(); i++) worst = std::fmax(worst, std::fabs(found[i] - expected[i]));
  expect(worst < 1e-6, "three steps of AdamW, off by " + std::to_string(worst * 1e6) + "e-6");
}
}  // namespace

void check_optimizers() {
  check_sgd();
  check_adamw();
}

void check_linear_algebra() {
  for (const auto &sizes : {std::vector<int64_t>{16, 27}, {64, 40}, {5, 5}, {1, 9}}) {
    const Tensor a = Random(4).normal(sizes).to(CT_FLOAT64);
    const std::string name = std::to_string(sizes[0]) + "x" + std::to_string(sizes[1]);
    const Tensor at = ct_transpose(a, 0, 1), gram = ct_matmul(a, at);
    ct_tensor *u, *s, *vh;
    if (!ct_svd(a, &u, &s, &vh)) throw std::runtime_error(ct_last_error());
    const Tensor left = u, values = s, right = vh, scaled = ct_mul(left, values);
    expect_near(ct_matmul(scaled, right), a, 1e-12, "the SVD of a matrix of " + name);
    expect_near(ct_svdvals(a), values, 1e-12, "the singular values of a matrix of " + name);
    ct_tensor *w, *x;
    if (!ct_eigh(gram, &w, &x)) throw std::runtime_error(ct_last_error());
    const Tensor eigenvalues = w, vectors = x, stretched = ct_mul(vectors, eigenvalues);
    const Tensor transposed = ct_transpose(vectors, 0, 1);
    expect_near(ct_matmul(stretched, transposed), gram, 1e-12, "the eigenvectors of a matrix of " + name);
    ct_tensor *q, *r;
    if (!ct_qr(a, &q, &r)) throw std::runtime_error(ct_last_error());
    const Tensor orthogonal = q, triangle = r;
    expect_near(ct_matmul(orthogonal, triangle), a, 1e-12, "the QR of a matrix of " + name);
  }
}
}  // namespace arm
