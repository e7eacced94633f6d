// Which of these kernels are used: one decision for the process.
#pragma once

namespace ck {
/// By the instructions they are written in; each kind does more than the one before it.
enum class Kernels {
  /// None of them: the caller's library alone.
  off,
  /// Batch norm, and convolutions in inference.
  avx2,
  /// The same, and convolutions in training.
  avx512,
};

/// Whether this processor has their instructions.
bool has(Kernels kernels);
/// The kernels in force: those that the environment's THRESH_KERNELS names (off, avx2 or avx512), else the best that
/// the processor has. The environment is read once. Throws std::invalid_argument where it asks for what there is not.
Kernels kernels();
/// Throws std::invalid_argument where they are off: a caller that does not ask first gets a sentence.
void require_kernels();
/// Whether the kernels in force are AVX-512's on a processor that multiplies bfloat16 too.
bool multiplies_bfloat16();
}  // namespace ck
