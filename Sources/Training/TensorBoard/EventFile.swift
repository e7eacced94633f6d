import Foundation
import SwiftProtobuf
import TensorBoardSchema

/// A file of events as TensorBoard reads it: records, each framed by its length and checksums (TensorFlow's TFRecord).
struct EventFile {
  let url: URL

  /// Begins a file in a folder, called as TensorFlow calls them; its name sorts behind those begun before.
  ///
  /// - Throws: what Foundation throws when it cannot be written.
  init(in folder: URL, now: Date = Date()) throws {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    let seconds = Int(now.timeIntervalSince1970)
    let number = names.filter { $0.hasPrefix(Self.prefix) }.count
    // A name without the host's says nothing of the machine.
    url = folder.appending(path: "\(Self.prefix)\(seconds).thresh.\(getpid()).\(number)")
    var first = Event()
    (first.wallTime, first.fileVersion) = (now.timeIntervalSince1970, "brain.Event:2")
    try Self.record(first).write(to: url, options: .withoutOverwriting)
  }

  static let prefix = "events.out.tfevents."

  /// Appends a record: the whole of it, or nothing.
  ///
  /// - Throws: what Foundation throws when it cannot be written.
  func append(_ event: Event) throws {
    let record = try Self.record(event)
    let handle = try FileHandle(forWritingTo: url)
    defer { try? handle.close() }
    _ = try handle.appendWhole(record)
  }

  private static func record(_ event: Event) throws -> Data {
    let data = Data(try event.serializedBytes() as [UInt8])
    let length = withUnsafeBytes(of: UInt64(data.count).littleEndian) { Data($0) }
    return length + checksum(of: length) + data + checksum(of: data)
  }

  private static func checksum(of data: Data) -> Data {
    withUnsafeBytes(of: Castagnoli.masked(Castagnoli.checksum(of: data)).littleEndian) { Data($0) }
  }
}

typealias Event = Thresh_Tensorboard_Event
typealias Summary = Thresh_Tensorboard_Summary

/// CRC-32C (RFC 3720, appendix B.4), with which TFRecord guards its records.
enum Castagnoli {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
  }

  static func checksum(of bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
  }

  /// TFRecord's form of a checksum, since data may contain checksums of its own.
  static func masked(_ checksum: UInt32) -> UInt32 { (checksum >> 15 | checksum << 17) &+ 0xA282_EAD8 }
}
