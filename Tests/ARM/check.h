// Counting checks, and tensors of the shim as values.
#pragma once
#include <cmath>
#include <cstdio>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "CTorch.h"

namespace arm {
inline int passed = 0, failed = 0;

inline void expect(bool holds, const std::string &what) {
  (holds ? passed : failed)++;
  if (!holds) std::printf("FAILED: %s\n", what.c_str());
}

/// Whether kernels of Thresh's own are in force.
inline bool has_kernels() {
  ct_kernels kernels = CT_KERNELS_OFF;
  return ct_kernels_in_force(&kernels) && kernels != CT_KERNELS_OFF;
}

/// A tensor that is given back with the last copy of it.
class Tensor {
 public:
  Tensor() = default;
  Tensor(ct_tensor *made) : pointer(made, ct_free) {
    if (!made) throw std::runtime_error(ct_last_error());
  }
  operator const ct_tensor *() const { return pointer.get(); }
  explicit operator bool() const { return pointer != nullptr; }

  std::vector<int64_t> sizes() const {
    std::vector<int64_t> result(ct_rank(*this));
    ct_sizes(*this, result.data());
    return result;
  }
  std::vector<double> values() const {
    int64_t count = 1;
    for (int64_t size : sizes()) count *= size;
    std::vector<double> result(count);
    const Tensor plain = ct_to(*this, CT_FLOAT64);
    if (!ct_read_bytes(plain, result.data(), count * sizeof(double))) throw std::runtime_error(ct_last_error());
    return result;
  }
  Tensor to(ct_dtype dtype) const { return ct_to(*this, dtype); }
  Tensor channels_last() const { return ct_channels_last(*this); }
  Tensor leaf() const { return ct_leaf(*this); }

 private:
  std::shared_ptr<ct_tensor> pointer;
};

/// Normal numbers, the same for the same seed.
class Random {
 public:
  explicit Random(uint64_t seed) : generator(ct_generator_new(seed), ct_generator_free) {}
  Tensor normal(const std::vector<int64_t> &sizes) {
    return ct_randn(generator.get(), CT_FLOAT32, sizes.data(), static_cast<int32_t>(sizes.size()));
  }

 private:
  std::unique_ptr<ct_generator, void (*)(ct_generator *)> generator;
};

inline Tensor full(double value, ct_dtype dtype, const std::vector<int64_t> &sizes) {
  return ct_full(value, dtype, sizes.data(), static_cast<int32_t>(sizes.size()));
}

/// d Σ(y · weights) / d leaves.
inline std::vector<Tensor> gradients(const Tensor &y, const Tensor &weights, const std::vector<Tensor> &leaves) {
  const Tensor product = ct_mul(y, weights);
  const int64_t none = 0;
  const Tensor loss = ct_sum(product, &none, 0, false);
  std::vector<const ct_tensor *> from(leaves.begin(), leaves.end());
  std::vector<ct_tensor *> made(leaves.size());
  if (!ct_gradients(loss, from.data(), static_cast<int32_t>(from.size()), made.data())) {
    throw std::runtime_error(ct_last_error());
  }
  return {made.begin(), made.end()};
}

/// ‖a − b‖ / ‖b‖, in float64; infinite where sizes differ.
inline double distance(const Tensor &a, const Tensor &b) {
  if (a.sizes() != b.sizes()) return INFINITY;
  const auto x = a.values(), y = b.values();
  double error = 0, size = 0;
  for (size_t i = 0; i < x.size(); i++) {
    error += (x[i] - y[i]) * (x[i] - y[i]);
    size += y[i] * y[i];
  }
  return std::sqrt(size == 0 ? error : error / size);
}

inline void expect_near(const Tensor &a, const Tensor &b, double tolerance, const std::string &what) {
  const double found = distance(a, b);
  // A NaN is no pass.
  expect(found <= tolerance, what + ": off by " + std::to_string(found * 1e6) + "e-6");
}

/// Runs a function under one of the shim's modes, such as `ct_without_gradients`.
inline void under(void (*mode)(ct_body, void *), std::function<void()> body) {
  mode([](void *context) { (*static_cast<std::function<void()> *>(context))(); }, &body);
}

void check_norms();
void check_convolutions();
void check_ready_convolutions();
void check_optimizers();
void check_linear_algebra();
void check_fixtures(const std::string &cases, const std::string &tensors);
void check_images(const std::string &folder);
}  // namespace arm
