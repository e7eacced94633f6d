import CoreMLSchema
import Foundation

/// The file weights/weight.bin: numbers, each tensor behind a record that says where they are.
///
/// Little-endian; records and numbers begin at multiples of 64 bytes.
struct CoreMLWeightFile {
  private var body = Data()
  private var count: UInt32 = 0

  private static let alignment = 64
  private static let version: UInt32 = 2
  private static let mark: UInt32 = 0xDEAD_BEEF

  /// The file's bytes.
  var data: Data { Self.padded(Self.bytes(count) + Self.bytes(Self.version)) + body }

  /// Appends numbers.
  ///
  /// - Returns: the offset of their record, by which programs name them.
  mutating func append(_ numbers: Data, _ type: CoreMLDataType) -> UInt64 {
    body = Self.padded(body)
    let record = UInt64(Self.alignment + body.count)
    let size = UInt64(numbers.count)
    let start = record + UInt64(Self.alignment)
    body += Self.padded(
      Self.bytes(Self.mark) + Self.bytes(Self.number(of: type)) + Self.bytes(size) + Self.bytes(start))
    body += numbers
    count += 1
    return record
  }

  private static func number(of type: CoreMLDataType) -> UInt32 {
    switch type {
    case .float16: 1
    case .float32: 2
    case .int8: 4
    default: preconditionFailure("weights are not stored as \(type)")
    }
  }

  private static func bytes(_ number: some FixedWidthInteger) -> Data {
    withUnsafeBytes(of: number.littleEndian) { Data($0) }
  }

  private static func padded(_ data: Data) -> Data {
    data + Data(count: (alignment - data.count % alignment) % alignment)
  }
}
