import CTorch

/// What is known and set about libtorch as a whole.
public enum Library {
  /// The version of libtorch this was compiled against.
  public static var version: String { String(cString: ct_version()) }

  /// Threads that operations called from the current thread share.
  public static var threads: Int { Int(ct_threads()) }

  public static func setThreads(_ count: Int) { _ = ct_set_threads(Int32(clamping: count)) }

  /// The vector instructions in use, such as AVX2.
  public static var vectorInstructions: String { String(cString: ct_cpu_capability()) }

  /// Tensors handed out by the shim and not yet given back.
  public static var liveTensors: Int { Int(ct_live()) }
}
