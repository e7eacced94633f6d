import ONNXSchema

/// The versions of the operators that a file uses.
struct ONNXVersions {
  /// By their domain, that of ONNX's own without a name.
  let all: [ONNXOperatorSetIdProto]
  /// Of ONNX's own operators.
  let own: Int
  /// Domains of functions that the file defines itself.
  let functions: Set<String>

  /// Nil for a file without a version of ONNX's own.
  init?(_ model: ONNXModelProto) {
    all = model.opsetImport.map { version in
      var version = version
      if version.domain == "ai.onnx" { version.domain = "" }
      return version
    }
    guard let version = all.first(where: \.domain.isEmpty)?.version else { return nil }
    own = Int(clamping: version)
    functions = Set(model.functions.map(\.domain))
  }
}
