// Memory for what kernels make for themselves.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace ck {
struct Free {
  void operator()(float *memory) const { std::free(memory); }
};
/// Aligned to the lines of the cache, which vectors of sixteen fill.
using Buffer = std::unique_ptr<float[], Free>;

inline Buffer zeros(int64_t count) {
  constexpr size_t line = 64;
  const size_t bytes = (std::max<size_t>(count, 1) * sizeof(float) + line - 1) / line * line;
  auto *memory = static_cast<float *>(std::aligned_alloc(line, bytes));
  if (!memory) throw std::bad_alloc();
  memset(memory, 0, bytes);
  return Buffer(memory);
}
}  // namespace ck
