import ONNXSchema

/// Attributes of a node, by name.
extension ONNXNodeProto {
  private func find(_ name: String) -> ONNXAttributeProto? { attribute.first { $0.name == name } }

  func integers(_ name: String) -> [Int]? { find(name).map { $0.ints.map { Int(clamping: $0) } } }
  func integer(_ name: String) -> Int? { find(name).map { Int(clamping: $0.i) } }
  func number(_ name: String) -> Double? { find(name).map { Double($0.f) } }
  func numbers(_ name: String) -> [Double]? { find(name).map { $0.floats.map(Double.init) } }
  func word(_ name: String) -> String? { find(name).map { String(decoding: $0.s, as: UTF8.self) } }
  func tensor(_ name: String) -> ONNXTensorProto? { find(name).map(\.t) }
}
