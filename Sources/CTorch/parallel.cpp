#include "parallel.h"

#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>
#include <ATen/ops/empty.h>

/// By an iterator, since at::parallel_for is serial in code that is compiled without OpenMP.
static void run(int64_t count, int64_t grain, void (*range)(void *context, int64_t begin, int64_t end), void *context) {
  auto marks = at::empty({count}, at::kByte);
  auto *first = static_cast<char *>(marks.data_ptr());
  auto iterator = at::TensorIterator::borrowing_nullary_op(marks);
  auto loop = [&](char **data, const int64_t *, int64_t size, int64_t) {
    range(context, data[0] - first, data[0] - first + size);
  };
  iterator.for_each(at::TensorIteratorBase::loop2d_t(loop), grain);
}

ck::Parallel ct::parallel() { return {at::get_num_threads(), at::in_parallel_region(), run}; }
