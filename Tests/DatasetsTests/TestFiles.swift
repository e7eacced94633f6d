import CZlib
import Foundation
import Testing

@testable import Datasets

/// A folder of a test's own, which goes with it.
final class TemporaryFolder {
  let path = NSTemporaryDirectory() + "thresh-datasets-\(UUID().uuidString)"

  init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file, making its folders.
  @discardableResult
  func write(_ bytes: [UInt8], _ name: String) throws -> String {
    let file = URL(fileURLWithPath: path + "/" + name)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
    return file.path
  }

  /// Writes a file whose name is kept byte by byte, making its folders.
  func write(_ bytes: [UInt8], raw name: [UInt8]) throws {
    let parts = name.split(separator: UInt8(ascii: "/"))
    var place = RawPath(path)
    for part in parts.dropLast() {
      place = place.appending(Array(part))
      _ = place.withCString { mkdir($0, 0o755) }
    }
    let file = try #require(place.appending(Array(parts.last ?? [])).withCString { fopen($0, "wb") })
    defer { fclose(file) }
    try #require(fwrite(bytes, 1, bytes.count, file) == bytes.count)
  }
}

/// The folder of files that make_fixtures.py made.
let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Fixtures"

func fixture(_ name: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(fixtures)/\(name)")))
}

/// The pixels of an image file, height × width × channels.
func decoded(_ path: String, channels: Int) throws -> [UInt8] {
  let image = try DecodedImage(RawPath(path), channels: channels)
  return withExtendedLifetime(image) {
    [UInt8](UnsafeBufferPointer(start: image.pixels, count: image.width * image.height * channels))
  }
}

/// What a failing call says.
func sentence(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "nothing was thrown"
  } catch let error as DatasetError {
    return error.description
  } catch {
    return "another error: \(error)"
  }
}

/// The bytes of a gzip file.
func gzipped(_ bytes: [UInt8]) throws -> [UInt8] {
  var stream = z_stream()
  let size = Int32(MemoryLayout<z_stream>.size)
  try #require(deflateInit2_(&stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK)
  defer { deflateEnd(&stream) }
  var input = bytes
  var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))))
  let status = input.withUnsafeMutableBufferPointer { input in
    output.withUnsafeMutableBufferPointer { output in
      stream.next_in = input.baseAddress
      stream.avail_in = UInt32(input.count)
      stream.next_out = output.baseAddress
      stream.avail_out = UInt32(output.count)
      return deflate(&stream, Z_FINISH)
    }
  }
  try #require(status == Z_STREAM_END)
  return Array(output.prefix(Int(stream.total_out)))
}

/// An IDX file of bytes.
func idx(_ axes: [Int], _ bytes: [UInt8]) -> [UInt8] {
  let sizes = axes.flatMap { axis in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: axis >> $0) } }
  return [0, 0, 8, UInt8(axes.count)] + sizes + bytes
}

/// Images of 4×3 pixels in one channel or more, whose every byte is different from its neighbours'.
func smallImages(_ count: Int, channels: Int = 1) -> InMemoryImages {
  let shape = ImageShape(channels: channels, height: 4, width: 3)
  let pixels = (0..<count * shape.count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 / 251) }
  return InMemoryImages(shape: shape, pixels: pixels, labels: (0..<count).map { UInt8($0 % 5) })
}

/// Whether the tests run as root, who may read everything.
let isRoot = geteuid() == 0
