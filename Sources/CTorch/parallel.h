// Kernels run on libtorch's own team of threads.
#pragma once
#include "CKernels/parallel.h"

namespace ct {
/// The team of the calling thread.
ck::Parallel parallel();
}  // namespace ct
