#include "CKernels/kernels.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

using namespace ck;

namespace {
struct Named {
  Kernels kernels;
  const char *name;
};
/// Each is faster than those before it.
constexpr Named all[] = {{Kernels::off, "off"}, {Kernels::avx2, "avx2"}, {Kernels::avx512, "avx512"}};

struct Choice {
  Kernels kernels;
  /// Empty where there is nothing to refuse.
  std::string refusal;
};

Choice chosen() {
  Choice best{Kernels::off, ""};
  std::string possible;
  for (const auto &each : all) {
    if (!has(each.kernels)) continue;
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
    if (has(each.kernels)) return {each.kernels, ""};
    best.refusal = "THRESH_KERNELS is " + wanted + ", but this processor has " + possible + "; take one of these";
  }
  return best;
}
}  // namespace

Kernels ck::kernels() {
  static const Choice choice = chosen();
  if (!choice.refusal.empty()) throw std::invalid_argument(choice.refusal);
  return choice.kernels;
}

void ck::require_kernels() {
  if (kernels() == Kernels::off) {
    throw std::invalid_argument("expected the kernels of AVX2 or AVX-512, found that none are in force");
  }
}

bool ck::multiplies_bfloat16() {
#if defined(__x86_64__)
  return kernels() == Kernels::avx512 && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

bool ck::has(Kernels kernels) {
  switch (kernels) {
    case Kernels::off: return true;
#if defined(__x86_64__)
    case Kernels::avx2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Kernels::avx512:
      return has(Kernels::avx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
    default: return false;
  }
}
