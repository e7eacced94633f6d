import CImages
import Foundation
import Testing

@testable import Datasets

@Suite struct DecodingTests {
  static let kinds = [
    "kind-rgb.jpg", "kind-progressive.jpg", "kind-grey.jpg", "kind-cmyk.jpg", "kind-exif.jpg", "kind-grey.png",
    "kind-bits.png", "kind-palette.png", "kind-interlaced.png", "kind-rgba.png", "kind-grey-alpha.png",
  ]

  @Test(arguments: kinds, [("rgb", 3), ("grey", 1)])
  func `every kind of file decodes as Pillow decodes it`(name: String, form: (String, Int)) throws {
    let expected = name.replacingOccurrences(of: ".", with: "-") + "-expected-\(form.0).png"
    let ours = try decoded("\(fixtures)/\(name)", channels: form.1)
    let theirs = try decoded("\(fixtures)/\(expected)", channels: form.1)
    #expect(ours.count == theirs.count)
    // Two versions of libjpeg may round differently.
    let worst = zip(ours, theirs).map { abs(Int($0) - Int($1)) }.max()
    #expect(worst ?? 255 <= 1)
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

  @Test func `a file that is neither JPEG nor PNG is refused`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Array("GIF89a and more".utf8), "image.jpg")
    #expect(sentence { _ = try decoded(path, channels: 3) }.contains("it is neither JPEG nor PNG"))
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
