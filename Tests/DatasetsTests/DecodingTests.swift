import CImages
import Foundation
import Testing

@testable import Datasets

@Suite struct DecodingTests {
  static let kinds =
    [
      "kind-rgb.jpg", "kind-progressive.jpg", "kind-grey.jpg", "kind-cmyk.jpg", "kind-exif.jpg", "kind-grey.png",
      "kind-bits.png", "kind-palette.png", "kind-interlaced.png", "kind-rgba.png", "kind-grey-alpha.png",
      "kind-lossy.webp", "kind-alpha.webp", "kind-jpeg.tif", "kind-cmyk.tif",
    ] + exactKinds

  /// Formats without loss beside PNG, whose pixels are the same in every library.
  static let exactKinds =
    ["kind-lossless.webp"]
    + ["raw", "lzw", "deflate", "big", "grey", "bits", "palette", "rgba"].map { "kind-\($0).tif" }
    + (2...8).map { "kind-turned\($0).tif" }
    + ["24", "grey", "bits", "palette", "32", "down", "4", "os2", "rle8", "rle4", "555", "565"].map { "kind-\($0).bmp" }
    + ["palette", "interlaced", "grey", "bits", "placed"].map { "kind-\($0).gif" }
    + ["kind-raw.ppm", "kind-raw.pgm", "kind-raw.pbm", "kind-hundred.ppm", "kind-deep.ppm"]
    + ["kind-plain.ppm", "kind-plain.pgm", "kind-plain.pbm"]

  @Test(arguments: kinds, [("rgb", 3), ("grey", 1)])
  func `every kind of file decodes as Pillow decodes it`(name: String, form: (String, Int)) throws {
    let expected = name.replacingOccurrences(of: ".", with: "-") + "-expected-\(form.0).png"
    let ours = try decoded("\(fixtures)/\(name)", channels: form.1)
    let theirs = try decoded("\(fixtures)/\(expected)", channels: form.1)
    #expect(ours.count == theirs.count)
    // Two versions of libjpeg or libwebp may round differently.
    let worst = zip(ours, theirs).map { abs(Int($0) - Int($1)) }.max()
    #expect(worst ?? 255 <= (Self.exactKinds.contains(name) ? 0 : 1))
  }

  @Test(arguments: ["deep.png", "deep.tif", "deep.pgm"])
  func `a grey image of 16 bits keeps its upper 8`(name: String) throws {
    let (ours, theirs) = try (
      decoded("\(fixtures)/\(name)", channels: 1), decoded("\(fixtures)/deep-expected.png", channels: 1)
    )
    #expect(ours.count == theirs.count)
    // PGM is scaled by its own maximum.
    #expect(zip(ours, theirs).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
  }

  @Test(arguments: [
    ("animated.webp", "kind-lossless.webp"), ("animated.gif", "kind-palette.gif"), ("pages.tif", "kind-raw.tif"),
  ])
  func `of several frames the first is read`(name: String, first: String) throws {
    #expect(try decoded("\(fixtures)/\(name)", channels: 3) == decoded("\(fixtures)/\(first)", channels: 3))
  }

  @Test(arguments: kinds) func `the format is told by the first bytes`(name: String) throws {
    let folder = try TemporaryFolder()
    for ending in [".txt", ".jpg", ""] {
      let path = try folder.write(fixture(name), "image" + ending)
      #expect(ImageCheck().verdict(on: RawPath(path)) == .image)
      #expect(try decoded(path, channels: 3) == decoded("\(fixtures)/\(name)", channels: 3))
    }
  }

  @Test(arguments: [1, 3]) func `what is written as PNG is read back`(channels: Int) throws {
    let folder = try TemporaryFolder()
    let images = smallImages(1, channels: channels)
    let path = try folder.write(pngFile(images.pixels, shape: images.shape), "image.png")
    #expect(try decoded(path, channels: channels) == images.pixels)
  }

  @Test(arguments: kinds, [0.3, 0.6, 0.95])
  func `a truncated file is refused by name, never painted grey`(name: String, share: Double) throws {
    let folder = try TemporaryFolder()
    let whole = try fixture(name)
    let path = try folder.write(Array(whole.prefix(Int(Double(whole.count) * share))), name)
    #expect(sentence { _ = try decoded(path, channels: 3) }.hasPrefix("\(path) cannot be decoded: "))
  }

  @Test(arguments: kinds) func `no damage to a byte makes the decoder crash`(name: String) throws {
    let folder = try TemporaryFolder()
    let whole = try fixture(name)
    for position in stride(from: 0, to: whole.count, by: max(1, whole.count / 200)) {
      var bytes = whole
      bytes[position] ^= 0xff
      let path = try folder.write(bytes, name)
      // Damage that the format cannot notice decodes; any other throws a sentence.
      let said = sentence { _ = try decoded(path, channels: 3) }
      #expect(said == "nothing was thrown" || said.contains("cannot be decoded: "))
    }
  }

  @Test func `an empty file is refused`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([], "empty.jpg")
    #expect(sentence { _ = try decoded(path, channels: 3) }.contains("it is empty"))
  }

  @Test(arguments: [
    ("nothing of the kind", "it is none of JPEG, PNG, WebP, TIFF, BMP, GIF and PNM"),
    ("version https://git-lfs.github.com/spec/v1\noid", "it is a pointer of Git LFS, whose file was not fetched"),
    ("<!DOCTYPE html>", "it is a page of HTML or XML"), ("\0\0\0\u{18}ftypheic\0\0\0\0", "it is HEIF or a video"),
    ("BMW and other cars", "it is none of"), ("P1 is a road", "it is none of"),
    ("GIF89a and more", "it ends too early"),
  ])
  func `a file of another format is named for what it is`(content: String, expected: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Array(content.utf8), "image.jpg")
    #expect(sentence { _ = try decoded(path, channels: 3) }.contains("cannot be decoded: \(expected)"))
  }

  /// Headers that announce far more than 100 million pixels, by few bytes.
  static let bombs: [(name: String, bytes: [UInt8])] = [
    ("bomb.pgm", Array("P5 20000 20000 255\n".utf8)), ("bomb.ppm", Array("P3 20000 20000 255\n".utf8)),
    ("bomb.gif", Array("GIF89a".utf8) + [255, 255, 255, 255, 0, 0, 0, 0x2C, 0, 0, 0, 0, 255, 255, 255, 255, 0, 8]),
    (
      "bomb.bmp",
      Array("BM".utf8) + [0, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 24, 0]
        + [UInt8](repeating: 0, count: 24)
    ),
    (
      "bomb.webp",
      Array("RIFF".utf8) + [26, 0, 0, 0] + Array("WEBPVP8L".utf8) + [14, 0, 0, 0, 0x2F, 0xFF, 0xFF, 0xFF, 0x0F]
        + [UInt8](repeating: 0, count: 9)
    ),
    (
      "bomb.tif",
      Array("II*\0".utf8) + [8, 0, 0, 0, 8, 0] + entry(256, 60_000) + entry(257, 60_000) + entry(258, 8) + entry(259, 1)
        + entry(262, 1) + entry(273, 8) + entry(278, 60_000) + entry(279, 100) + [0, 0, 0, 0]
    ),
  ]

  /// An entry of a TIFF's directory: one number of 32 bits.
  private static func entry(_ tag: Int, _ value: Int) -> [UInt8] {
    [UInt8(tag & 255), UInt8(tag >> 8), 4, 0, 1, 0, 0, 0] + (0..<4).map { UInt8(value >> (8 * $0) & 255) }
  }

  @Test(arguments: bombs.indices) func `a header that announces too many pixels is refused`(number: Int) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Self.bombs[number].bytes, Self.bombs[number].name)
    let said = sentence { _ = try decoded(path, channels: 3) }
    #expect(said.contains("pixels") && said.contains("allowed"), "\(said)")
  }

  @Test func `a PNG that announces more than 100 million pixels is refused before they are allocated`() throws {
    let folder = try TemporaryFolder()
    var bytes = try fixture("kind-grey.png")
    // The width and height in the header, then the checksum over it.
    bytes.replaceSubrange(16..<24, with: [0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0])
    bytes.replaceSubrange(29..<33, with: crc32(Array(bytes[12..<29])))
    let path = try folder.write(bytes, "bomb.png")
    let said = sentence { _ = try decoded(path, channels: 3) }
    #expect(said.contains("it says it is 100000 x 100000 pixels, more than the 100 million allowed"))
  }

  @Test func `a JPEG that announces more than 100 million pixels is refused before they are allocated`() throws {
    let folder = try TemporaryFolder()
    var bytes = try fixture("kind-rgb.jpg")
    let frame = try #require(bytes.indices.dropLast().first { bytes[$0] == 0xff && bytes[$0 + 1] == 0xc0 })
    bytes.replaceSubrange(frame + 5..<frame + 9, with: [0x4e, 0x20, 0x4e, 0x20])
    let path = try folder.write(bytes, "bomb.jpg")
    #expect(sentence { _ = try decoded(path, channels: 3) }.contains("more than the 100 million allowed"))
  }

  /// The checksum of PNG, bit by bit.
  private func crc32(_ bytes: [UInt8]) -> [UInt8] {
    var sum: UInt32 = 0xffff_ffff
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xedb8_8320 : sum >> 1 }
    }
    sum = ~sum
    return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum >> $0) }
  }
}
