// Steps with a barrier behind each, whose parts the threads of one team share.
#pragma once
#include <atomic>
#include <limits>
#include <span>
#include <thread>
#include <vector>

#include "CKernels/parallel.h"

namespace ck {
/// How far the chunk of one thread has come, in lines of the cache of their own: what it writes the others look at, and
/// a line that goes from core to core takes as long as some of the work.
struct Chunk {
  /// Steps of which somebody has taken it on.
  alignas(128) std::atomic<int64_t> taken{0};
  /// Steps of which it is done.
  alignas(128) std::atomic<int64_t> done{0};
};

/// One thread's view of a team; each has its own copy, since what lies on another's stack lies beside what that writes.
template <class Body, class Finished>
struct Barrier {
  // Looks at a chunk that is not done before it is taken on, and before the processor is left to others.
  static constexpr int64_t until_taken = 1000, until_left = 20000;

  std::span<const int64_t> parts;
  Body body;
  Finished finished;
  Chunk *chunks;
  int64_t members;

  /// Does the chunk of a member, unless another has taken it on.
  void work(int64_t step, int64_t member) const {
    int64_t expected = step;
    if (!chunks[member].taken.compare_exchange_strong(expected, step + 1, std::memory_order_relaxed)) return;
    for (int64_t i = member * parts[step] / members; i < (member + 1) * parts[step] / members; i++) body(step, i);
    chunks[member].done.store(step + 1, std::memory_order_release);
  }

  void wait(int64_t step, int64_t member) const {
    for (int64_t looks = 0; chunks[member].done.load(std::memory_order_acquire) <= step; looks++) {
      if (looks == until_taken) work(step, member);
      if (looks > until_left) {
        std::this_thread::yield();
      } else {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
      }
    }
  }

  void follow(int64_t own) const {
    for (int64_t step = 0; step < static_cast<int64_t>(parts.size()); step++) {
      work(step, own);
      for (int64_t member = 0; member < members; member++) wait(step, member);
      if (own == 0) finished(step);
    }
  }
};

/// Runs `body(step, part)` for every part of every step, of which `parts` has how many there are, and `finished(step)`
/// on one thread when a step is done.
///
/// Threads meet between steps without a team's being started anew. A chunk whose thread has not come after a while is
/// done by one that waits for it, so that all is done however many come, even if it is one after another, as within a
/// parallel region.
template <class Body, class Finished>
void run_steps(const Parallel &parallel, std::span<const int64_t> parts, Body body, Finished finished) {
  std::vector<Chunk> chunks(parallel.threads);
  const Barrier<Body, Finished> barrier = {parts, body, finished, chunks.data(), parallel.threads};
  parallel_for(parallel, parallel.threads, /*grain=*/1, [&](int64_t own) {
    const auto mine = barrier;
    try {
      mine.follow(own);
    } catch (...) {
      // Nobody is to wait for what will not come.
      for (auto &chunk : chunks) chunk.done = std::numeric_limits<int64_t>::max();
      throw;
    }
  });
}
}  // namespace ck
