// The only place where exceptions are caught.
#pragma once
#include <ATen/ATen.h>

#include <atomic>
#include <string>
#include <vector>

#include "CTorch.h"

namespace ct {
extern std::atomic<int64_t> live;
void remember(const char *message) noexcept;

inline const at::Tensor &in(const ct_tensor *t) { return *reinterpret_cast<const at::Tensor *>(t); }
inline at::Tensor &mutable_in(const ct_tensor *t) {
  return *reinterpret_cast<at::Tensor *>(const_cast<ct_tensor *>(t));
}
inline c10::optional<at::Tensor> maybe(const ct_tensor *t) {
  return t ? c10::optional<at::Tensor>(in(t)) : c10::nullopt;
}

inline ct_tensor *out(at::Tensor t) {
  auto *owned = new at::Tensor(std::move(t));
  live.fetch_add(1, std::memory_order_relaxed);
  return reinterpret_cast<ct_tensor *>(owned);
}

inline at::IntArrayRef list(const int64_t *values, int64_t count) { return {values, static_cast<size_t>(count)}; }

at::ScalarType scalar_type(ct_dtype dtype);

/// Runs `body`; its value, or `failed` with the reason remembered.
template <class Value, class Body>
Value protect(Value failed, Body body) noexcept {
  try {
    return body();
  } catch (const c10::Error &error) {
    remember(error.what_without_backtrace());
  } catch (const std::exception &error) {
    remember(error.what());
  } catch (...) {
    remember("an unknown C++ exception");
  }
  return failed;
}

template <class Body>
ct_tensor *tensor(Body body) noexcept {
  return protect(static_cast<ct_tensor *>(nullptr), [&] { return out(body()); });
}

template <class Body>
bool done(Body body) noexcept {
  return protect(false, [&] {
    body();
    return true;
  });
}
}  // namespace ct
