#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/GradMode.h>
#include <torch/version.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "parallel.h"
#include "protect.h"

namespace ct {
std::atomic<int64_t> live{0};
static thread_local std::string last_error;
void remember(const char *message) noexcept {
  try {
    last_error = message;
  } catch (...) {
  }
}

at::ScalarType scalar_type(ct_dtype dtype) {
  switch (dtype) {
    case CT_FLOAT32: return at::kFloat;
    case CT_FLOAT64: return at::kDouble;
    case CT_BFLOAT16: return at::kBFloat16;
    case CT_INT64: return at::kLong;
    case CT_UINT8: return at::kByte;
    case CT_FLOAT16: return at::kHalf;
  }
  TORCH_CHECK(false, "unknown ct_dtype ", static_cast<int>(dtype));
}
}  // namespace ct

const char *ct_last_error(void) { return ct::last_error.c_str(); }
int64_t ct_live(void) { return ct::live.load(std::memory_order_relaxed); }
const char *ct_version(void) { return TORCH_VERSION; }
bool ct_set_threads(int32_t count) {
  return ct::done([&] { at::set_num_threads(count); });
}
int32_t ct_threads(void) { return at::get_num_threads(); }
bool ct_parallel(int64_t count, void (*work)(void *context, int64_t index), void *context) {
  return ct::done([&] {
    const bool tracks = c10::GradMode::is_enabled();
    // Whoever is free takes the next one: pieces are of very different sizes.
    std::atomic<int64_t> next{0};
    ck::parallel_for(ct::parallel(), std::min<int64_t>(count, at::get_num_threads()), /*grain=*/1, [&](int64_t) {
      c10::AutoGradMode mode(tracks);
      for (int64_t index = next++; index < count; index = next++) work(context, index);
    });
  });
}
void ct_keep_freed_memory(void) {
#ifdef __GLIBC__
  // 32 MiB is the largest that glibc takes: activations of a batch are below, so they come from the heap.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}
const char *ct_cpu_capability(void) {
  static thread_local std::string name;
  return ct::protect("unknown", [&] {
    name = at::get_cpu_capability();
    return name.c_str();
  });
}
