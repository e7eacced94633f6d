import Containers
import Networks

extension Quantize: CoreMLExportable {
  /// Values of 8 bits need iOS 17, and what Apple's devices make of them is not known here.
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) throws -> String {
    throw ContainerError(
      """
      the network has values of 8 bits, which are not written for Core ML; give the network that it was made of, its \
      weights can be written as int8
      """)
  }
}
