// How a convolution's work is shared among threads: in bands of rows of its result.
#pragma once
#include <ATen/Parallel.h>

#include <algorithm>

#include "../team.h"

namespace ct {
/// Vector operations under which waking the other threads takes longer.
constexpr int64_t least_work = 100000;

/// Parts that so many vector operations are worth being cut into.
inline int64_t wanted_parts(int64_t operations) {
  const int64_t threads = at::get_num_threads();
  return operations < least_work || threads == 1 ? 1 : 2 * threads;
}

/// Rows of a result that are made at once, no more than fit, and so many that few images make the parts that are wanted.
inline int64_t band(int64_t rows, int64_t fitting, int64_t images, int64_t wanted) {
  const int64_t bands = std::min(rows, std::max((rows + fitting - 1) / fitting, (wanted + images - 1) / images));
  return (rows + bands - 1) / bands;
}

/// Calls `body(image, first row, rows)` for all bands, on all threads where that pays. Every sum is made in one order, so
/// nothing depends on how bands and threads share them.
template <class Body>
void in_bands(int64_t images, int64_t rows, int64_t fitting, int64_t operations, Body body) {
  const int64_t each = band(rows, fitting, images, wanted_parts(operations)), bands = (rows + each - 1) / each;
  auto one = [&](int64_t index) {
    const int64_t first = index % bands * each;
    body(index / bands, first, std::min(each, rows - first));
  };
  if (operations < least_work || at::get_num_threads() == 1) {
    for (int64_t index = 0; index < images * bands; index++) one(index);
  } else {
    on_team(images * bands, /*grain=*/1, one);
  }
}
}  // namespace ct
