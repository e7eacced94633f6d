/// Settings and values of earlier versions and what they are called now, by option: read from runs and model files,
/// refused where a person writes them.
package enum EarlierNames {
  package static let options = ["steer": "automatic-strength", "scheme": "decomposition"]
  package static let values = ["basis": ["responses": "activations"], "units": ["silent": "zero"]]
  /// Settings that stand in a section of their own now, by the section where they stood.
  static let moved = [
    "training": ["distillation", "teacher", "temperature", "label-smoothing"], "data": ["crop", "flip"],
  ]
}
