import Foundation
import TensorBoardSchema
import Testing

@testable import Training

/// Files of events as TensorBoard reads them.
struct EventFileTests {
  @Test func `checksums are those of RFC 3720, appendix B.4`() {
    #expect(Castagnoli.checksum(of: Array("123456789".utf8)) == 0xE306_9283)
    #expect(Castagnoli.checksum(of: [UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(Castagnoli.checksum(of: [UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(Castagnoli.checksum(of: (0..<32).map(UInt8.init)) == 0x46DD_794E)
  }

  @Test func `each record is its length, a checksum of it, the event and a checksum of that`() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "events-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = try EventFile(in: folder, now: Date(timeIntervalSince1970: 1000))
    #expect(file.url.lastPathComponent.hasPrefix("events.out.tfevents.1000."))
    var event = Event()
    event.step = 7
    try file.append(event)

    var data = try Data(contentsOf: file.url)
    var found: [Event] = []
    while !data.isEmpty {
      func number<Number: FixedWidthInteger>(_ start: Int, _ type: Number.Type) -> Number {
        Array(data)[start..<start + Number.bitWidth / 8].reversed().reduce(0) { $0 << 8 | Number($1) }
      }
      let length = Int(number(0, UInt64.self))
      let body = Array(data)[12..<12 + length]
      #expect(number(8, UInt32.self) == Castagnoli.masked(Castagnoli.checksum(of: Array(data)[..<8])))
      #expect(number(12 + length, UInt32.self) == Castagnoli.masked(Castagnoli.checksum(of: body)))
      found.append(try Event(serializedBytes: Array(body)))
      data = data.dropFirst(16 + length)
      data = Data(data)
    }
    #expect(found.map(\.step) == [0, 7])
    #expect(found[0].fileVersion == "brain.Event:2" && found[0].wallTime == 1000)
  }

  @Test func `a file that is gone is an error, not a new file without a beginning`() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "events-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = try EventFile(in: folder)
    try FileManager.default.removeItem(at: file.url)
    #expect(throws: (any Error).self) { try file.append(Event()) }
  }
}
