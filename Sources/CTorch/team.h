// Work on libtorch's own team of threads, for code that is compiled without OpenMP (where at::parallel_for is serial).
#pragma once
#include <ATen/TensorIterator.h>

namespace ct {
/// Runs `body(i)` for every i below `count`; the team gets at least `grain` of them each.
template <class Body>
void on_team(int64_t count, int64_t grain, Body body) {
  if (count == 0) return;
  auto marks = at::empty({count}, at::kByte);
  auto *first = static_cast<char *>(marks.data_ptr());
  auto iterator = at::TensorIterator::borrowing_nullary_op(marks);
  auto run = [&](char **data, const int64_t *, int64_t size, int64_t) {
    for (int64_t i = 0; i < size; i++) body(data[0] - first + i);
  };
  iterator.for_each(at::TensorIteratorBase::loop2d_t(run), grain);
}
}  // namespace ct
