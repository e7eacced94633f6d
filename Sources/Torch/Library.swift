import CTorch

/// What is known and set about libtorch as a whole.
public enum Library {
  /// The version of libtorch this was compiled against.
  public static var version: String { String(cString: ct_version()) }

  /// Threads that operations called from the current thread share.
  public static var threads: Int { Int(ct_threads()) }

  public static func setThreads(_ count: Int) { _ = ct_set_threads(Int32(clamping: count)) }

  /// Has freed memory kept by the process for the next tensors of that size, up to 1 GiB; glibc only.
  ///
  /// Otherwise every training step gives its activations back to the system and faults them in again, page by page:
  /// 10,000 faults and 6 % of the processor time in a step of ResNet-20 with 128 images.
  /// It is the process's own affair: a program calls it when it starts, libraries never.
  public static func keepFreedMemory() { ct_keep_freed_memory() }

  /// The vector instructions in use, such as AVX2.
  public static var vectorInstructions: String { String(cString: ct_cpu_capability()) }

  /// Whether the kernels in force multiply bfloat16; else libtorch's convolutions do it, which round more.
  package static var multipliesBFloat16: Bool { ct_multiplies_bfloat16() }

  /// Tensors handed out by the shim and not yet given back.
  public static var liveTensors: Int { Int(ct_live()) }
}
