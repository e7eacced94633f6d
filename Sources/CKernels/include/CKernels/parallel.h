// The threads of the caller, on which kernels run.
#pragma once
#include <cstdint>

namespace ck {
struct Parallel {
  int64_t threads;
  /// Whether the calling thread is one of a team at work already, so that no other thread would come.
  bool is_nested;
  /// Calls `range(context, begin, end)` for ranges that together are 0..<count, each of at least `grain`, and returns
  /// when all are done.
  void (*run)(int64_t count, int64_t grain, void (*range)(void *context, int64_t begin, int64_t end), void *context);
};

/// Runs `body(i)` for every i below `count`; each thread gets at least `grain` of them.
template <class Body>
void parallel_for(const Parallel &parallel, int64_t count, int64_t grain, const Body &body) {
  if (count == 0) return;
  auto range = [](void *context, int64_t begin, int64_t end) {
    const Body &body = *static_cast<const Body *>(context);
    for (int64_t i = begin; i < end; i++) body(i);
  };
  parallel.run(count, grain, range, const_cast<Body *>(&body));
}
}  // namespace ck
