import CImages
import Foundation

/// An image of natural size, decoded from any format that is read: height × width × channels bytes.
final class DecodedImage {
  /// Larger images are refused: a small file can announce gigabytes of pixels.
  static let maxPixels: Int64 = 100_000_000
  /// Larger files are not photographs.
  static let maxFileSize = 256 << 20

  private let image: UnsafeMutablePointer<ci_image>

  /// - Parameter channels: 1 for grey, 3 for RGB; the image is converted as PIL's `convert` does.
  init(_ path: RawPath, channels: Int) throws(DatasetError) {
    let file = try bytes(ofFile: path, limit: Self.maxFileSize)
    var error = ci_error()
    let decoded = file.withUnsafeBufferPointer { bytes in
      // An empty array has no address, and C wants one even for nothing.
      withUnsafePointer(to: 0 as UInt8) {
        ci_decode(bytes.baseAddress ?? $0, bytes.count, Int32(channels), Self.maxPixels, &error)
      }
    }
    guard let decoded else { throw .undecodable(path: path.description, reason: text(of: error)) }
    image = decoded
  }

  deinit { ci_free(image) }

  var width: Int { Int(image.pointee.width) }
  var height: Int { Int(image.pointee.height) }
  var channels: Int { Int(image.pointee.channels) }
  /// The first byte; valid while this object lives.
  var pixels: UnsafePointer<UInt8> { UnsafePointer(image.pointee.pixels) }
}

/// Pixels as the bytes of a PNG file, to look at samples of a data set.
///
/// - Parameter pixels: height × width × channels bytes, with 1 or 3 channels.
public func pngFile(_ pixels: [UInt8], shape: ImageShape) throws(DatasetError) -> [UInt8] {
  precondition(pixels.count == shape.count && [1, 3].contains(shape.channels), "one grey or RGB image of \(shape)")
  var error = ci_error()
  var length = 0
  let file = pixels.withUnsafeBufferPointer { pixels in
    pixels.baseAddress.flatMap {
      ci_encode_png($0, Int32(shape.width), Int32(shape.height), Int32(shape.channels), &length, &error)
    }
  }
  guard let file else { throw .badOption("the image could not be written as PNG: \(text(of: error))") }
  defer { free(file) }
  return [UInt8](UnsafeBufferPointer(start: file, count: length))
}

private func text(of error: ci_error) -> String {
  withUnsafeBytes(of: error.text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}
