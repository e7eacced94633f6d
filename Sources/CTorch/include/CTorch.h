// The C face of libtorch that Thresh stands on.
//
// One ownership rule: a function that returns a `ct_tensor *` returns a new reference that the caller must give back
// with `ct_free`, or NULL when it failed; any other function returns false when it failed. The reason is then in
// `ct_last_error()`, which is kept per thread. No exception crosses this line.
#ifndef CTORCH_H
#define CTORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#pragma clang assume_nonnull begin
#else
#define _Nullable
#define _Nonnull
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_tensor ct_tensor;
typedef struct ct_generator ct_generator;

typedef enum {
  CT_FLOAT32 = 0,
  CT_FLOAT64 = 1,
  CT_BFLOAT16 = 2,
  CT_INT64 = 3,
  CT_UINT8 = 4,
  CT_FLOAT16 = 5,
} ct_dtype;

// MARK: The library (core.cpp)
const char *ct_last_error(void);
int64_t ct_live(void);               // tensors handed out and not yet given back, for leak tests
const char *ct_version(void);        // of the headers this was compiled with, such as "2.13.0"
bool ct_set_threads(int32_t count);  // of the calling thread's team
int32_t ct_threads(void);
/// Calls `work(context, i)` for every i below `count`, shared out over the team of the calling thread; operations
/// called from within have one thread each. Gradients are tracked there if they are here.
bool ct_parallel(int64_t count, void (*work)(void *context, int64_t index), void *context);
/// Has the allocator keep freed memory for the next step instead of giving it back to the system (glibc only).
void ct_keep_freed_memory(void);
const char *ct_cpu_capability(void);

// MARK: Kernels (CKernels), of which each kind does more than the one before it
typedef enum {
  CT_KERNELS_OFF = 0,     // libtorch alone
  CT_KERNELS_AVX2 = 1,    // norms, and convolutions in a network that is used
  CT_KERNELS_AVX512 = 2,  // the same and convolutions in a training
} ct_kernels;
/// Whether this processor has their instructions.
bool ct_has_kernels(ct_kernels kernels);
/// Those in force in this process: of the environment's THRESH_KERNELS (off, avx2 or avx512), else the best that the
/// processor has. Fails where it asks for what there is not, as every call does that would have to choose.
bool ct_kernels_in_force(ct_kernels *kernels);

// MARK: Devices (device.cpp); -1 is the CPU, n ≥ 0 the CUDA device n
/// The number of CUDA devices; 0 where libtorch is a CPU build or there is no driver.
int32_t ct_cuda_devices(void);
int32_t ct_device_of(const ct_tensor *t);
ct_tensor *_Nullable ct_to_device(const ct_tensor *t, int32_t device);

// MARK: Making and reading tensors (create.cpp)
void ct_free(ct_tensor *_Nullable t);
ct_tensor *_Nullable ct_copy_bytes(const void *bytes, ct_dtype dtype, const int64_t *sizes, int32_t rank);
/// A view of memory that the caller keeps alive; `strides` in elements.
ct_tensor *_Nullable ct_view_bytes(void *bytes, ct_dtype dtype, const int64_t *sizes, const int64_t *strides,
                                   int32_t rank);
ct_tensor *_Nullable ct_full(double value, ct_dtype dtype, const int64_t *sizes, int32_t rank);
ct_tensor *_Nullable ct_eye(int64_t n, ct_dtype dtype);
ct_generator *ct_generator_new(uint64_t seed);
void ct_generator_free(ct_generator *g);
ct_tensor *_Nullable ct_randn(ct_generator *g, ct_dtype dtype, const int64_t *sizes, int32_t rank);
ct_tensor *_Nullable ct_rand(ct_generator *g, ct_dtype dtype, const int64_t *sizes, int32_t rank);

int32_t ct_rank(const ct_tensor *t);
void ct_sizes(const ct_tensor *t, int64_t *out);
void ct_strides(const ct_tensor *t, int64_t *out);
int32_t ct_dtype_of(const ct_tensor *t);  // -1 for a type that is not in ct_dtype
bool ct_read_bytes(const ct_tensor *t, void *out, size_t count);
double ct_item(const ct_tensor *t);
ct_tensor *_Nullable ct_to(const ct_tensor *t, ct_dtype dtype);
ct_tensor *_Nullable ct_clone(const ct_tensor *t);
ct_tensor *_Nullable ct_contiguous(const ct_tensor *t);
ct_tensor *_Nullable ct_channels_last(const ct_tensor *t);
ct_tensor *_Nullable ct_detach(const ct_tensor *t);

// MARK: Arithmetic, reductions, shapes (math.cpp)
ct_tensor *_Nullable ct_add(const ct_tensor *a, const ct_tensor *b);
ct_tensor *_Nullable ct_sub(const ct_tensor *a, const ct_tensor *b);
ct_tensor *_Nullable ct_mul(const ct_tensor *a, const ct_tensor *b);
ct_tensor *_Nullable ct_div(const ct_tensor *a, const ct_tensor *b);
ct_tensor *_Nullable ct_add_scalar(const ct_tensor *a, double b);
ct_tensor *_Nullable ct_mul_scalar(const ct_tensor *a, double b);
ct_tensor *_Nullable ct_pow_scalar(const ct_tensor *a, double exponent);
ct_tensor *_Nullable ct_abs(const ct_tensor *a);
ct_tensor *_Nullable ct_sqrt(const ct_tensor *a);
ct_tensor *_Nullable ct_clamp(const ct_tensor *a, double low, double high);
ct_tensor *_Nullable ct_hardtanh(const ct_tensor *x, double low, double high);
ct_tensor *_Nullable ct_softmax(const ct_tensor *a, int64_t dim);
ct_tensor *_Nullable ct_log_softmax(const ct_tensor *a, int64_t dim);
ct_tensor *_Nullable ct_argmax(const ct_tensor *a, int64_t dim);
ct_tensor *_Nullable ct_equal_mask(const ct_tensor *a, const ct_tensor *b);
ct_tensor *_Nullable ct_sum(const ct_tensor *a, const int64_t *dims, int32_t count, bool keep);  // count 0: all
ct_tensor *_Nullable ct_histogram(const ct_tensor *a, int64_t bins, double low, double high);
ct_tensor *_Nullable ct_extremes(const ct_tensor *a);  // the least and the largest element
ct_tensor *_Nullable ct_amax(const ct_tensor *a, const int64_t *dims, int32_t count, bool keep);
ct_tensor *_Nullable ct_matmul(const ct_tensor *a, const ct_tensor *b);
ct_tensor *_Nullable ct_transpose(const ct_tensor *a, int64_t first, int64_t second);
ct_tensor *_Nullable ct_permute(const ct_tensor *a, const int64_t *axes, int32_t count);
ct_tensor *_Nullable ct_expand(const ct_tensor *a, const int64_t *sizes, int32_t rank);  // -1 keeps
ct_tensor *_Nullable ct_reshape(const ct_tensor *a, const int64_t *sizes, int32_t rank);
ct_tensor *_Nullable ct_slice(const ct_tensor *a, int64_t dim, int64_t start, int64_t end, int64_t step);
ct_tensor *_Nullable ct_index_select(const ct_tensor *a, int64_t dim, const int64_t *indices, int64_t count);
ct_tensor *_Nullable ct_cat(const ct_tensor *const _Nonnull *_Nonnull parts, int32_t count, int64_t dim);
/// `value` laid around, `pads` as in torch.nn.functional.pad: (before, after) from the last axis backwards; negative
/// ones take elements away.
ct_tensor *_Nullable ct_pad(const ct_tensor *a, const int64_t *pads, int32_t count, double value);
bool ct_eigh(const ct_tensor *a, ct_tensor *_Nullable *_Nonnull values, ct_tensor *_Nullable *_Nonnull vectors);
ct_tensor *_Nullable ct_eigvalsh(const ct_tensor *a);
bool ct_svd(const ct_tensor *a, ct_tensor *_Nullable *_Nonnull u, ct_tensor *_Nullable *_Nonnull s,
            ct_tensor *_Nullable *_Nonnull vh);
bool ct_qr(const ct_tensor *a, ct_tensor *_Nullable *_Nonnull q, ct_tensor *_Nullable *_Nonnull r);
ct_tensor *_Nullable ct_svdvals(const ct_tensor *a);
ct_tensor *_Nullable ct_cholesky(const ct_tensor *a);
/// X of LX = B, or of LᵀX = B, for a lower triangle L.
ct_tensor *_Nullable ct_solve_triangle(const ct_tensor *l, const ct_tensor *b, bool transposed);

// MARK: Layers (layers.cpp); images are N×C×H×W
typedef struct {
  int64_t stride[2], padding[2], dilation[2], groups;
} ct_convolution;
/// Where it pays by the kernels of CKernels (conv2d.cpp), in float32 and under autocast to bfloat16.
ct_tensor *_Nullable ct_conv2d(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *_Nullable bias,
                               const ct_convolution *how);
/// Whether the kernels in force multiply bfloat16 in ct_conv2d.
bool ct_multiplies_bfloat16(void);
ct_tensor *_Nullable ct_patches(const ct_tensor *x, const int64_t *kernel, const ct_convolution *how);
/// The transposed convolution: `weight` is inputs × units/groups × d_h × d_w.
ct_tensor *_Nullable ct_conv_transpose2d(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *_Nullable bias,
                                         const ct_convolution *how, const int64_t *output_padding);
ct_tensor *_Nullable ct_linear(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *_Nullable bias);
/// In training the running statistics are written in place: hand in copies.
ct_tensor *_Nullable ct_batch_norm(const ct_tensor *x, const ct_tensor *_Nullable weight,
                                   const ct_tensor *_Nullable bias, const ct_tensor *mean, const ct_tensor *variance,
                                   bool training, double momentum, double epsilon);
typedef struct {
  double momentum, epsilon;
  bool training, relu;
  int64_t pool[2];  // windows side by side, from the upper left corner on; 1×1 for none
} ct_norm;
/// Batch norm, `+ residual` if there is one, ReLU if asked for, and the largest value of each window, in few passes
/// over memory (batch_norm.cpp). Where the loops of CKernels do not fit it does the same by libtorch. Running
/// statistics as in `ct_batch_norm`.
ct_tensor *_Nullable ct_fused_norm(const ct_tensor *x, const ct_tensor *_Nullable weight,
                                   const ct_tensor *_Nullable bias, const ct_tensor *mean, const ct_tensor *variance,
                                   const ct_tensor *_Nullable residual, const ct_norm *how);
ct_tensor *_Nullable ct_relu(const ct_tensor *x);
ct_tensor *_Nullable ct_leaky_relu(const ct_tensor *x, double slope);
/// `slope` of one element, or of one for each channel (axis 1).
ct_tensor *_Nullable ct_prelu(const ct_tensor *x, const ct_tensor *slope);
ct_tensor *_Nullable ct_fake_quantize(const ct_tensor *x, double scale, int64_t zero_point, int64_t low, int64_t high);
ct_tensor *_Nullable ct_fake_quantize_rows(const ct_tensor *x, const ct_tensor *scales, int64_t low, int64_t high);
ct_tensor *_Nullable ct_elu(const ct_tensor *x, double alpha);
ct_tensor *_Nullable ct_gelu(const ct_tensor *x, bool tanh);  // by tanh, or exactly by erf
ct_tensor *_Nullable ct_silu(const ct_tensor *x);
ct_tensor *_Nullable ct_sigmoid(const ct_tensor *x);
ct_tensor *_Nullable ct_tanh(const ct_tensor *x);
ct_tensor *_Nullable ct_erf(const ct_tensor *x);
ct_tensor *_Nullable ct_hardswish(const ct_tensor *x);
ct_tensor *_Nullable ct_softplus(const ct_tensor *x);
ct_tensor *_Nullable ct_mish(const ct_tensor *x);
ct_tensor *_Nullable ct_exp(const ct_tensor *x);
ct_tensor *_Nullable ct_log(const ct_tensor *x);
ct_tensor *_Nullable ct_sign(const ct_tensor *x);
/// Over the last `axes` axes.
ct_tensor *_Nullable ct_layer_norm(const ct_tensor *x, int32_t axes, const ct_tensor *_Nullable weight,
                                   const ct_tensor *_Nullable bias, double epsilon);
typedef struct {
  int64_t kernel[2], stride[2], padding[2];
  bool ceil_mode, count_include_pad;
} ct_pooling;
ct_tensor *_Nullable ct_max_pool2d(const ct_tensor *x, const ct_pooling *how);
ct_tensor *_Nullable ct_avg_pool2d(const ct_tensor *x, const ct_pooling *how);
ct_tensor *_Nullable ct_global_avg_pool(const ct_tensor *x);
typedef enum { CT_NEAREST = 0, CT_BILINEAR = 1, CT_BICUBIC = 2 } ct_interpolation;
typedef struct {
  ct_interpolation mode;
  bool align_corners;
  int64_t size[2];
  double scale[2];  // by which places are found; 0 for size / size of x
} ct_upsampling;
ct_tensor *_Nullable ct_upsample2d(const ct_tensor *x, const ct_upsampling *how);
ct_tensor *_Nullable ct_dropout(const ct_tensor *x, double probability, ct_generator *g);
/// `weights`, of the logits' type, has a number for each class; the mean is the weighted one.
ct_tensor *_Nullable ct_cross_entropy(const ct_tensor *logits, const ct_tensor *labels,
                                      const ct_tensor *_Nullable weights, double smoothing, bool mean);
/// Mean over the batch of KL(softmax(teacher) ‖ softmax(logits)).
ct_tensor *_Nullable ct_kl_divergence(const ct_tensor *logits, const ct_tensor *teacher);

// MARK: Convolutions made ready for use (onednn.cpp, conv2d_chain.cpp); float32 on the CPU, nothing records gradients
/// Whether this libtorch has oneDNN and its fused convolutions.
bool ct_packs_convolutions(void);
/// The weight in the order that is best for inputs of these N×C×H×W sizes; only ct_packed_convolution reads it.
ct_tensor *_Nullable ct_pack_weight(const ct_tensor *weight, const ct_convolution *how, const int64_t *input_sizes);
/// relu(x ∗ weight + bias + addend), channels last; bias, addend (of the result's shape) and the ReLU may be left out.
ct_tensor *_Nullable ct_packed_convolution(const ct_tensor *x, const ct_tensor *_Nullable addend,
                                           const ct_tensor *packed, const ct_tensor *_Nullable bias,
                                           const ct_convolution *how, bool relu);
/// The weight and the bias as ct_direct_convolutions reads them; fails, as that does, where no kernels are in force.
ct_tensor *_Nullable ct_direct_weight(const ct_tensor *weight, const ct_tensor *_Nullable bias);
/// A weight from ct_direct_weight, the sizes it had, and how it is used, in one group.
typedef struct {
  const ct_tensor *packed;
  int64_t sizes[4];
  ct_convolution how;
} ct_direct_weights;
/// What ct_packed_convolution computes, or a pair of which the second reads what the first makes.
typedef struct {
  ct_direct_weights own;
  /// The first of a pair.
  ct_direct_weights before;
  bool is_pair, relu;
  /// What it reads and what is added, or -1: one of the call's inputs, or counted on from them an earlier step's
  /// result.
  int32_t input, addend;
} ct_direct_step;
typedef void (*ct_finished)(void *_Nullable context, int32_t step);
/// The result of the last of some steps in order; what others make is let go. `finished`, if there is one, is called by
/// one thread whenever a step is done.
ct_tensor *_Nullable ct_direct_convolutions(const ct_tensor *const _Nonnull *_Nonnull inputs, int32_t input_count,
                                            const ct_direct_step *steps, int32_t count, ct_finished _Nullable finished,
                                            void *_Nullable context);

// MARK: Gradients, precision and the few in-place steps of a trainer (training.cpp)
typedef void (*ct_body)(void *context);
/// Runs `body` without recording gradients; the mode of this thread is put back afterwards.
void ct_without_gradients(ct_body body, void *context);
/// Runs `body` under autocast to bfloat16, on the CPU and CUDA, and clears the cache of cast weights afterwards.
void ct_autocast(ct_body body, void *context);
ct_tensor *_Nullable ct_leaf(const ct_tensor *t);  // a detached tensor on the same memory that records gradients
/// d loss / d parameters[i]; each gradient has the strides of its parameter, in memory of its own.
bool ct_gradients(const ct_tensor *loss, const ct_tensor *const _Nonnull *_Nonnull parameters, int32_t count,
                  ct_tensor *_Nullable *_Nonnull out);
/// Multiplies the gradients in place by min(1, limit / (n + 1e-6)) for their total ℓ2 norm n, as
/// torch.nn.utils.clip_grad_norm_ does.
bool ct_clip_norm(const ct_tensor *const _Nonnull *_Nonnull grads, int32_t count, double limit);
typedef struct {
  double lr, momentum, weight_decay;
  bool nesterov, first;
} ct_sgd;
/// Fused SGD in place. Refuses lists whose strides differ: the fused kernel would silently read the wrong elements.
bool ct_sgd_step(const ct_tensor *const _Nonnull *_Nonnull parameters, const ct_tensor *const _Nonnull *_Nonnull grads,
                 const ct_tensor *const _Nonnull *_Nonnull momenta, int32_t count, const ct_sgd *how);
typedef struct {
  double lr, beta1, beta2, weight_decay, epsilon;
  int64_t step;  // counted from 1, this one included
} ct_adamw;
/// Fused AdamW in place, with the same demand on strides.
bool ct_adamw_step(const ct_tensor *const _Nonnull *_Nonnull parameters,
                   const ct_tensor *const _Nonnull *_Nonnull grads, const ct_tensor *const _Nonnull *_Nonnull averages,
                   const ct_tensor *const _Nonnull *_Nonnull squares, int32_t count, const ct_adamw *how);
bool ct_copy_into(const ct_tensor *target, const ct_tensor *source);
/// target + share · (source − target) in place, for each of the targets.
bool ct_lerp(const ct_tensor *const _Nonnull *_Nonnull targets, const ct_tensor *const _Nonnull *_Nonnull sources,
             int32_t count, double share);
ct_tensor *_Nullable ct_empty_like(const ct_tensor *t);  // same strides

#ifdef __cplusplus
}
#endif

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif
#endif
