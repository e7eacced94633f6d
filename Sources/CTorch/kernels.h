// Which of the kernels written here are used: one decision for the process.
#pragma once
#include "CTorch.h"

namespace ct {
/// The kernels in force; throws where THRESH_KERNELS asks for what there is not. Read from the environment once.
ct_kernels kernels();
/// Whether they are AVX-512's on a processor that multiplies bfloat16 too.
bool multiply_bfloat16();
}  // namespace ct
