/// The kinds of element that tensors of ONNX have here; the standard's numbers.
enum ONNXType: Int32 {
  case float = 1
  case uint8 = 2
  case int8 = 3
  case int32 = 6
  case int64 = 7
  case bool = 9
  case float16 = 10
  case double = 11
  case bfloat16 = 16

  /// The standard's name of any kind of element.
  static func name(of number: Int32) -> String {
    let names: [Int32: String] = [
      1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
      10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
      17: "float8", 18: "float8", 19: "float8", 20: "float8", 21: "uint4", 22: "int4", 23: "float4",
    ]
    return names[number] ?? "type \(number)"
  }
}
