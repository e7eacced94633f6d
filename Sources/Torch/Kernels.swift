import CTorch

/// Kernels that Thresh brings along for norms and convolutions on the CPU, by the instructions they are written in.
///
/// The best that the processor has are in force, or those that `THRESH_KERNELS` in the environment names. It is read
/// once per process.
public enum Kernels: String, Sendable, Codable, CaseIterable {
  /// None: libtorch alone, with oneDNN's convolutions.
  case off
  /// Norms, and convolutions of networks that are used.
  case avx2
  /// The same, and convolutions in a training; in bfloat16 too where the processor multiplies it.
  case avx512

  /// Those that this processor has the instructions for; `off` always.
  public static var available: [Kernels] { allCases.filter { ct_has_kernels($0.code) } }

  /// Those in force. Traps with `read`'s sentence where there are none such.
  public static let inForce: Kernels = {
    do { return try read() } catch { fatalError("\(error)") }
  }()

  /// Those in force.
  ///
  /// - Throws: `KernelsError` if `THRESH_KERNELS` names no kernels, or some that this processor does not have.
  public static func read() throws -> Kernels {
    var code = CT_KERNELS_OFF
    guard ct_kernels_in_force(&code) else { throw KernelsError(message: String(cString: ct_last_error())) }
    guard let known = allCases.first(where: { $0.code == code }) else { preconditionFailure("unknown kernels") }
    return known
  }

  private var code: ct_kernels {
    switch self {
    case .off: CT_KERNELS_OFF
    case .avx2: CT_KERNELS_AVX2
    case .avx512: CT_KERNELS_AVX512
    }
  }
}

/// A setting of `THRESH_KERNELS` that this processor cannot follow, in a sentence.
public struct KernelsError: Error, CustomStringConvertible {
  public let message: String
  public var description: String { message }
}
