import CoreMLSchema
import Foundation

extension CoreMLValueType {
  /// - Parameter shape: empty for a scalar.
  static func tensor(_ shape: [Int], _ element: CoreMLDataType) -> CoreMLValueType {
    var type = CoreMLValueType()
    type.tensorType.dataType = element
    type.tensorType.rank = Int64(shape.count)
    type.tensorType.dimensions = shape.map(CoreMLDimension.init)
    return type
  }

  static func list(of count: Int, _ element: CoreMLDataType) -> CoreMLValueType {
    var type = CoreMLValueType()
    type.listType.type = .tensor([], element)
    type.listType.length = CoreMLDimension(count)
    return type
  }

  static func dictionary(from key: CoreMLDataType, to value: CoreMLDataType) -> CoreMLValueType {
    var type = CoreMLValueType()
    type.dictionaryType.keyType = .tensor([], key)
    type.dictionaryType.valueType = .tensor([], value)
    return type
  }
}

extension CoreMLDimension {
  fileprivate init(_ size: Int) {
    self.init()
    constant.size = UInt64(size)
  }
}

extension CoreMLNamedValueType {
  init(_ name: String, _ type: CoreMLValueType) {
    self.init()
    (self.name, self.type) = (name, type)
  }
}

/// Values that stand in the program itself.
extension CoreMLValue {
  init(_ text: String) {
    self.init(.tensor([], .string))
    immediateValue.tensor.strings.values = [text]
  }

  init(_ numbers: [Int], shape: [Int]) {
    self.init(.tensor(shape, .int32))
    immediateValue.tensor.ints.values = numbers.map(Int32.init)
  }

  init(_ flag: Bool) {
    self.init(.tensor([], .bool))
    immediateValue.tensor.bools.values = [flag]
  }

  init(_ texts: [String]) {
    self.init(.list(of: texts.count, .string))
    immediateValue.list.values = texts.map { CoreMLValue($0) }
  }

  /// - Parameter numbers: little-endian float32, or anything else as the bytes that the file has for it.
  init(_ numbers: Data, _ element: CoreMLDataType, shape: [Int]) {
    self.init(.tensor(shape, element))
    if element == .float32 {
      immediateValue.tensor.floats.values = numbers.withUnsafeBytes { bytes in
        stride(from: 0, to: bytes.count, by: 4).map { bytes.loadUnaligned(fromByteOffset: $0, as: Float.self) }
      }
    } else {
      immediateValue.tensor.bytes.values = numbers
    }
  }

  /// Numbers in the file of weights.
  init(at offset: UInt64, _ element: CoreMLDataType, shape: [Int]) {
    self.init(.tensor(shape, element))
    blobFileValue.fileName = "@model_path/weights/weight.bin"
    blobFileValue.offset = offset
  }

  private init(_ type: CoreMLValueType) {
    self.init()
    self.type = type
  }
}
