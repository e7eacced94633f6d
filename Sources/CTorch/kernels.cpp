#include "CKernels/kernels.h"

#include "protect.h"

using namespace ct;

static_assert(static_cast<int>(ck::Kernels::off) == CT_KERNELS_OFF);
static_assert(static_cast<int>(ck::Kernels::avx2) == CT_KERNELS_AVX2);
static_assert(static_cast<int>(ck::Kernels::avx512) == CT_KERNELS_AVX512);

bool ct_has_kernels(ct_kernels kernels) { return ck::has(static_cast<ck::Kernels>(kernels)); }

bool ct_kernels_in_force(ct_kernels *kernels) {
  return done([&] { *kernels = static_cast<ct_kernels>(ck::kernels()); });
}

bool ct_multiplies_bfloat16(void) { return protect(false, ck::multiplies_bfloat16); }
