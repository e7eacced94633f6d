// The loops of row_loops.h and window_loops.h, compiled for each set of instructions.
#pragma once
#include "CKernels/kernels.h"
#include "row_loops.h"
#include "window_loops.h"

namespace ck::batch_norm_loops {
/// The loops above compiled for one set of instructions.
template <class T>
struct Loops {
  void (*sums)(const Block &, const T *, float *);
  void (*squares)(const Block &, const T *, const float *, float *);
  void (*apply[2][2])(const Block &, const T *, const T *, const float *, const float *, T *);  // [adds][relu]
  void (*gradient_sums[3])(const Block &, const T *, const T *, const T *, const float *, const float *, const float *,
                           T *, float *, float *);  // [mask]
  void (*gradient[2])(const Block &, const T *, const T *, const float *, const float *, const float *, const float *,
                      const float *, T *);  // [mask]
  void (*largest)(const Windows &, const T *, const float *, T *);
  void (*gradient_of_windows)(const Windows &, const T *, const T *, const T *, const float *, const float *,
                              const float *, const float *, const float *, T *);
};

#define CK_LOOPS(NAME, TARGET)                                                                                         \
  template <class T>                                                                                                   \
  struct NAME {                                                                                                        \
    TARGET static void sums(const Block &n, const T *x, float *s) { sum_lanes(n, x, s); }                              \
    TARGET static void squares(const Block &n, const T *x, const float *m, float *s) { square_lanes(n, x, m, s); }     \
    template <bool adds, bool relu>                                                                                    \
    TARGET static void applied(const Block &n, const T *x, const T *z, const float *a, const float *b, T *y) {         \
      apply<T, adds, relu>(n, x, z, a, b, y);                                                                          \
    }                                                                                                                  \
    template <Mask mask>                                                                                               \
    TARGET static void sums_of_gradient(const Block &n, const T *g, const T *x, const T *y, const float *m,            \
                                        const float *a, const float *b, T *dz, float *s, float *q) {                   \
      gradient_lanes<T, mask>(n, g, x, y, m, a, b, dz, s, q);                                                          \
    }                                                                                                                  \
    template <Mask mask>                                                                                               \
    TARGET static void gradients(const Block &n, const T *g, const T *x, const float *m, const float *a,               \
                                 const float *b, const float *k, const float *c, T *dx) {                              \
      gradient<T, mask>(n, g, x, m, a, b, k, c, dx);                                                                   \
    }                                                                                                                  \
    TARGET static void largest(const Windows &n, const T *x, const float *a, T *y) { largest_of_windows(n, x, a, y); } \
    TARGET static void spread(const Windows &n, const T *g, const T *y, const T *x, const float *m, const float *a,    \
                              const float *b, const float *k, const float *c, T *dx) {                                 \
      gradient_of_windows(n, g, y, x, m, a, b, k, c, dx);                                                              \
    }                                                                                                                  \
    static Loops<T> loops() {                                                                                          \
      return {sums,                                                                                                    \
              squares,                                                                                                 \
              {{applied<false, false>, applied<false, true>}, {applied<true, false>, applied<true, true>}},            \
              {sums_of_gradient<Mask::none>, sums_of_gradient<Mask::input>, sums_of_gradient<Mask::output>},           \
              {gradients<Mask::none>, gradients<Mask::input>},                                                         \
              largest,                                                                                                 \
              spread};                                                                                                 \
    }                                                                                                                  \
  };

#if defined(__x86_64__)
CK_LOOPS(AVX2, __attribute__((target("avx2,fma"))))
CK_LOOPS(AVX512, __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))))
#endif

/// The loops of the kernels in force.
template <class T>
const Loops<T> &loops() {
  static const Loops<T> chosen = []() -> Loops<T> {
#if defined(__x86_64__)
    if (kernels() == Kernels::avx512) return AVX512<T>::loops();
    if (kernels() == Kernels::avx2) return AVX2<T>::loops();
#endif
    require_kernels();
    return {};
  }();
  return chosen;
}
}  // namespace ck::batch_norm_loops
