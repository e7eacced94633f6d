#include "kernels.h"

#include <cstdlib>

#include "protect.h"

using namespace ct;

namespace {
struct Named {
  ct_kernels kernels;
  const char *name;
};
/// Each is faster than those before it.
constexpr Named all[] = {{CT_KERNELS_OFF, "off"}, {CT_KERNELS_AVX2, "avx2"}, {CT_KERNELS_AVX512, "avx512"}};

struct Choice {
  ct_kernels kernels;
  /// Empty where there is nothing to refuse.
  std::string refusal;
};

Choice chosen() {
  Choice best{CT_KERNELS_OFF, ""};
  std::string possible;
  for (const auto &each : all) {
    if (!ct_has_kernels(each.kernels)) continue;
    best.kernels = each.kernels;
    possible += (possible.empty() ? "" : ", ") + std::string(each.name);
  }
  const char *set = std::getenv("THRESH_KERNELS");
  if (!set || !*set) return best;
  const std::string wanted = set;
  best.refusal =
      "THRESH_KERNELS is " + wanted + ", expected off, avx2 or avx512, of which this processor has " + possible;
  for (const auto &each : all) {
    if (wanted != each.name) continue;
    if (ct_has_kernels(each.kernels)) return {each.kernels, ""};
    best.refusal = "THRESH_KERNELS is " + wanted + ", but this processor has " + possible + "; take one of these";
  }
  return best;
}
}  // namespace

ct_kernels ct::kernels() {
  static const Choice choice = chosen();
  TORCH_CHECK(choice.refusal.empty(), choice.refusal);
  return choice.kernels;
}

bool ct::multiply_bfloat16() {
#if defined(__x86_64__)
  return kernels() == CT_KERNELS_AVX512 && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

bool ct_has_kernels(ct_kernels kernels) {
  switch (kernels) {
    case CT_KERNELS_OFF: return true;
#if defined(__x86_64__)
    case CT_KERNELS_AVX2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case CT_KERNELS_AVX512:
      return ct_has_kernels(CT_KERNELS_AVX2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl");
#endif
    default: return false;
  }
}

bool ct_kernels_in_force(ct_kernels *kernels) {
  return done([&] { *kernels = ct::kernels(); });
}

bool ct_multiplies_bfloat16(void) { return protect(false, multiply_bfloat16); }
