import Containers
import Networks

extension Outputs: CoreMLExportable {
  /// A package gives a class and its probabilities.
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) throws -> String {
    throw CoreMLPackage.refusal
  }
}
