// How a convolution's work is shared among threads: in tiles of rows of its result.
#pragma once
#include <algorithm>

#include "CKernels/parallel.h"

namespace ck {
/// Vector operations under which waking the other threads takes longer.
constexpr int64_t least_work = 100000;

/// Parts that so many vector operations are worth being cut into.
inline int64_t wanted_parts(int64_t operations, const Parallel &parallel) {
  return operations < least_work || parallel.threads == 1 ? 1 : 2 * parallel.threads;
}

/// Rows of a result that are made at once, no more than fit, and so many that few images make the parts that are
/// wanted.
inline int64_t row_tile(int64_t rows, int64_t fitting, int64_t images, int64_t wanted) {
  const int64_t tiles = std::min(rows, std::max((rows + fitting - 1) / fitting, (wanted + images - 1) / images));
  return (rows + tiles - 1) / tiles;
}

/// Calls `body(image, first row, rows)` for all tiles, on all threads where that pays. Every sum is made in one order,
/// so nothing depends on how tiles and threads share them.
template <class Body>
void for_each_row_tile(const Parallel &parallel, int64_t images, int64_t rows, int64_t fitting, int64_t operations,
                       Body body) {
  const int64_t each = row_tile(rows, fitting, images, wanted_parts(operations, parallel));
  const int64_t tiles = (rows + each - 1) / each;
  auto one = [&](int64_t index) {
    const int64_t first = index % tiles * each;
    body(index / tiles, first, std::min(each, rows - first));
  };
  if (operations < least_work || parallel.threads == 1) {
    for (int64_t index = 0; index < images * tiles; index++) one(index);
  } else {
    parallel_for(parallel, images * tiles, /*grain=*/1, one);
  }
}
}  // namespace ck
