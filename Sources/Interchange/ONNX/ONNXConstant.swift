import Containers
import Foundation
import ONNXSchema
import Torch

/// A constant of an ONNX graph: an initialiser, or what a node `Constant` holds.
struct ONNXConstant {
  var name: String
  var shape: [Int]
  var numbers: Numbers
  /// Whether it is an initialiser, so that training may change it.
  var isParameter: Bool
  /// What its elements are in the file.
  var element: ONNXType?
  /// Where it was made of whole numbers −128 to 127: what they were multiplied by, and along which axis.
  var grid: (scales: [Float], axis: Int)?

  enum Numbers {
    case real(Tensor)
    case whole([Int])
  }

  /// As a tensor of float32.
  var tensor: Tensor {
    switch numbers {
    case .real(let tensor): tensor
    case .whole(let values): Tensor(values.map(Double.init), shape: shape).to(.float32)
    }
  }

  /// As whole numbers, as shapes and axes are given.
  var integers: [Int]? {
    if case .whole(let values) = numbers { values } else { nil }
  }

  /// The elements in row-major order.
  var doubles: [Double] {
    switch numbers {
    case .real(let tensor): tensor.doubles
    case .whole(let values): values.map(Double.init)
    }
  }

  var isWhole: Bool { integers != nil }

  /// The only element.
  var single: Double? {
    guard shape.reduce(1, *) == 1 else { return nil }
    return tensor.doubles.first
  }
}

/// Turns the tensors of an ONNX file into constants, whatever way their numbers are kept.
///
/// Sizes are compared with the bytes that are there before anything is allocated.
struct ONNXTensors {
  /// What the file is called in messages.
  let file: String
  /// Where data outside the file has to lie.
  let folder: URL
  /// More axes than any classifier's tensors have are refused.
  static let largestRank = 8

  func constant(_ proto: ONNXTensorProto, name: String, isParameter: Bool) throws -> ONNXConstant {
    let shape = try shape(of: proto, name)
    let count = shape.reduce(1, *)
    guard let type = ONNXType(rawValue: proto.dataType) else {
      throw problem(
        name, "has elements of \(ONNXType.name(of: proto.dataType)), expected floats, int8, int32, int64, uint8 or bool"
      )
    }
    let bytes = try proto.dataLocation == .external ? external(proto, name) : proto.rawData
    let numbers: ONNXConstant.Numbers
    switch type {
    case .float:
      numbers = .real(try real(bytes, proto.floatData, count, .float32, shape, name))
    case .double:
      numbers = .real(try real(bytes, proto.doubleData, count, .float64, shape, name).to(.float32))
    case .float16, .bfloat16:
      let kind: Tensor.DType = type == .float16 ? .float16 : .bfloat16
      let packed = proto.int32Data.map { UInt16(truncatingIfNeeded: $0) }
      let stored = bytes.isEmpty ? packed.withUnsafeBytes { Data($0) } : bytes
      try check(stored.count == count * 2, count, name)
      numbers = .real(stored.withUnsafeBytes { Tensor(copying: $0, dtype: kind, shape: shape) }.to(.float32))
    case .int64: numbers = .whole(try whole(bytes, proto.int64Data.map { Int($0) }, as: Int64.self, count, name))
    case .int32: numbers = .whole(try whole(bytes, proto.int32Data.map { Int($0) }, as: Int32.self, count, name))
    case .int8: numbers = .whole(try whole(bytes, proto.int32Data.map { Int($0) }, as: Int8.self, count, name))
    case .bool, .uint8: numbers = .whole(try whole(bytes, proto.int32Data.map { Int($0) }, as: UInt8.self, count, name))
    }
    return ONNXConstant(name: name, shape: shape, numbers: numbers, isParameter: isParameter, element: type)
  }

  /// The tensor with its bytes inside, whatever its elements are.
  func embedded(_ proto: ONNXTensorProto) throws -> ONNXTensorProto {
    guard proto.dataLocation == .external else { return proto }
    var result = proto
    result.rawData = try external(proto, proto.name)
    (result.externalData, result.dataLocation) = ([], .default)
    return result
  }

  private func shape(of proto: ONNXTensorProto, _ name: String) throws -> [Int] {
    let shape = proto.dims.map { Int($0) }
    guard shape.count <= Self.largestRank else { throw problem(name, "has \(shape.count) axes, which is too many") }
    // An empty list of numbers is usual; an empty tensor of several axes is not.
    guard shape == [0] || shape.allSatisfy({ $0 > 0 }), let count = shape.checkedProduct, count <= 1 << 31 else {
      throw problem(name, "has shape \(shape), which is empty or too large")
    }
    return shape
  }

  private func real<Element: TensorElement>(
    _ bytes: Data, _ values: [Element], _ count: Int, _ type: Tensor.DType, _ shape: [Int], _ name: String
  ) throws -> Tensor {
    guard bytes.isEmpty else {
      try check(bytes.count == count * type.size, count, name)
      return bytes.withUnsafeBytes { Tensor(copying: $0, dtype: type, shape: shape) }
    }
    try check(values.count == count, count, name)
    return values.withUnsafeBytes { Tensor(copying: $0, dtype: type, shape: shape) }
  }

  private func whole<Element: FixedWidthInteger>(
    _ bytes: Data, _ values: [Int], as type: Element.Type, _ count: Int, _ name: String
  ) throws -> [Int] {
    guard bytes.isEmpty else {
      try check(bytes.count == count * MemoryLayout<Element>.size, count, name)
      return bytes.withUnsafeBytes { raw in
        (0..<count).map { Int(raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.size, as: Element.self)) }
      }
    }
    try check(values.count == count, count, name)
    return values
  }

  /// Bytes that lie beside the model.
  private func external(_ proto: ONNXTensorProto, _ name: String) throws -> Data {
    let entries = Dictionary(proto.externalData.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    let location = entries["location"] ?? ""
    let parts = location.split(separator: "/", omittingEmptySubsequences: false)
    guard !location.isEmpty, !location.hasPrefix("/"), !parts.contains(".."), !location.contains("\0") else {
      throw problem(name, "keeps its data in \(location), expected a file beside the model")
    }
    let home = folder.resolvingSymlinksInPath().standardizedFileURL.path
    let url = folder.appending(path: location).resolvingSymlinksInPath().standardizedFileURL
    guard url.path.hasPrefix(home.hasSuffix("/") ? home : home + "/") else {
      throw problem(name, "keeps its data in \(location), which leads out of the model's folder")
    }
    guard let data = try? Data(contentsOf: url, options: .mappedIfSafe) else {
      throw problem(name, "keeps its data in \(location), which cannot be read; put it beside the model")
    }
    let offset = entries["offset"].flatMap { Int($0) } ?? 0
    guard offset >= 0, offset <= data.count else { throw problem(name, "keeps its data behind the end of \(location)") }
    let length = entries["length"].flatMap { Int($0) } ?? data.count - offset
    guard length >= 0, length <= data.count - offset else {
      throw problem(name, "keeps its data behind the end of \(location)")
    }
    return data.subdata(in: data.startIndex + offset..<data.startIndex + offset + length)
  }

  private func check(_ fits: Bool, _ count: Int, _ name: String) throws {
    guard fits else { throw problem(name, "does not hold the \(count) elements of its shape; export it again") }
  }

  private func problem(_ name: String, _ sentence: String) -> ContainerError {
    ContainerError("\(file): tensor \(name) \(sentence)")
  }
}

extension [Int] {
  /// The product, nil where it does not fit into an Int.
  var checkedProduct: Int? {
    reduce(1) { sofar, next in
      guard let sofar else { return nil }
      let (product, overflow) = sofar.multipliedReportingOverflow(by: next)
      return overflow ? nil : product
    }
  }
}
