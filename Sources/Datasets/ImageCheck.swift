import CImages
import Foundation

/// What a file in a folder of images is.
enum ImageVerdict: Sendable, Hashable {
  case image
  /// It should be an image, but cannot be read.
  case broken(DatasetError)
  /// It is something else; its ending, or what there is instead.
  case other(String)
}

/// Looks at files before they are needed.
///
/// The header and the last bytes are read. Where they are not as in a whole file, which a good one may have too (a
/// camera's own data behind a photograph), the image is decoded: no file is called broken that could be used.
struct ImageCheck: Sendable {
  /// Whether every image is decoded, not only those that look broken.
  var decodesAll = false

  func verdict(on path: RawPath) -> ImageVerdict {
    let isNamedImage = Self.endings.contains(path.ending)
    guard let file = OpenFile(path) else {
      let number = errno
      guard isNamedImage || number == EACCES else { return .other(Self.kind(of: path)) }
      return .broken(.unreadable(path: path.description, reason: Self.reason(number)))
    }
    let head = file.bytes(at: 0, 32)
    let format = head.withUnsafeBufferPointer { head in head.baseAddress.map { ci_format_of($0, head.count) } }
    guard let format, format != CI_NO_IMAGE else {
      return isNamedImage ? decoded(path) : .other(Self.kind(of: path))
    }
    return !decodesAll && Self.looksWhole(file, format) ? .image : decoded(path)
  }

  func decoded(_ path: RawPath) -> ImageVerdict {
    do {
      _ = try DecodedImage(path, channels: 3)
      return .image
    } catch {
      return .broken(error)
    }
  }

  private static func reason(_ number: Int32) -> String {
    switch number {
    case 0: "it is not a plain file"
    case ENOENT: "there is no such file"
    default: "\(String(cString: strerror(number))); check that you may read it"
    }
  }

  /// Endings that promise an image of a format that is read.
  static let endings: Set<String> = [
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".bmp", ".dib", ".gif", ".ppm", ".pgm", ".pbm",
    ".pnm",
  ]

  /// Endings of images in formats that are not read.
  private static let others: Set<String> = [
    ".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".psd", ".svg", ".ico", ".tga", ".exr", ".hdr", ".pcx", ".pfm",
    ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf",
  ]

  private static func kind(of path: RawPath) -> String {
    let ending = path.ending
    return ending.isEmpty ? "without an ending" : ending + (others.contains(ending) ? " (not supported)" : "")
  }

  // MARK: - Headers and ends

  private static func looksWhole(_ file: OpenFile, _ format: ci_format) -> Bool {
    let end = file.bytes(at: max(0, file.size - 12), 12)
    switch format {
    case CI_JPEG: return end.suffix(2).elementsEqual([0xFF, 0xD9]) && hasJPEGHeader(file)
    case CI_PNG: return end.dropFirst(4).prefix(4).elementsEqual("IEND".utf8) && hasPNGHeader(file)
    case CI_WEBP: return file.number(at: 4, 4, bigEndian: false).map { $0 + 8 <= file.size && $0 > 12 } ?? false
    case CI_GIF: return end.last == UInt8(ascii: ";")
    case CI_TIFF: return hasWholeStrips(file)
    case CI_BMP: return hasWholeBitmap(file)
    case CI_PNM: return hasWholeRaster(file)
    default: return false
    }
  }

  private static func isAllowed(width: Int, height: Int) -> Bool {
    width > 0 && height > 0 && width <= Int(DecodedImage.maxPixels) / max(1, height)
  }

  /// Markers up to the first scan, the frame's header among them (ITU T.81, appendix B).
  private static func hasJPEGHeader(_ file: OpenFile) -> Bool {
    var (position, hasFrame) = (2, false)
    for _ in 0..<1000 {
      let marker = file.bytes(at: position, 4)
      guard marker.count == 4, marker[0] == 0xFF, marker[1] >= 0xC0 else { return false }
      let isFrame = 0xC0...0xCF ~= marker[1] && ![0xC4, 0xC8, 0xCC].contains(marker[1])
      if isFrame {
        guard let height = file.number(at: position + 5, 2, bigEndian: true),
          let width = file.number(at: position + 7, 2, bigEndian: true), isAllowed(width: width, height: height)
        else { return false }
        hasFrame = true
      }
      if marker[1] == 0xDA { return hasFrame }
      position += 2 + Int(marker[2]) << 8 + Int(marker[3])
    }
    return false
  }

  private static func hasPNGHeader(_ file: OpenFile) -> Bool {
    guard let width = file.number(at: 16, 4, bigEndian: true), let height = file.number(at: 20, 4, bigEndian: true)
    else { return false }
    return file.bytes(at: 12, 4).elementsEqual("IHDR".utf8) && isAllowed(width: width, height: height)
  }

  /// Whether a bitmap without compression, whose header says how large its file is, has all of it.
  private static func hasWholeBitmap(_ file: OpenFile) -> Bool {
    func number(_ offset: Int) -> Int? { file.number(at: offset, 4, bigEndian: false) }
    guard let size = number(2), let pixels = number(10), let width = number(18), let height = number(22),
      let bits = file.number(at: 28, 2, bigEndian: false), number(30) == 0, isAllowed(width: width, height: height)
    else { return false }
    let rows = (width * bits + 31) / 32 * 4 * height
    return [1, 4, 8, 16, 24, 32].contains(bits) && pixels >= 54 && pixels + rows <= size && size <= file.size
  }

  /// Whether a raw PNM file without comments has as many bytes behind its header as that announces.
  private static func hasWholeRaster(_ file: OpenFile) -> Bool {
    let head = file.bytes(at: 0, 64)
    guard let channels = [UInt8(ascii: "5"): 1, UInt8(ascii: "6"): 3][head[1]] else { return false }
    var (position, numbers) = (2, [Int]())
    while numbers.count < 3 {
      let word = head[position...].drop { $0 == 0x20 || 0x09...0x0D ~= $0 }.prefix { 0x30...0x39 ~= $0 }
      guard !word.isEmpty, word.count < 10, word.endIndex < head.endIndex else { return false }
      numbers.append(word.reduce(0) { $0 * 10 + Int($1 - 0x30) })
      position = word.endIndex
    }
    guard isAllowed(width: numbers[0], height: numbers[1]), 1...255 ~= numbers[2], 0x09...0x20 ~= head[position] else {
      return false
    }
    return position + 1 + numbers[0] * numbers[1] * channels <= file.size
  }

  /// Whether all strips or tiles of the first image and what is said of them lie in the file (TIFF 6.0, section 2);
  /// BigTIFF is not looked into.
  private static func hasWholeStrips(_ file: OpenFile) -> Bool {
    let isBig = file.bytes(at: 0, 1) == [UInt8(ascii: "M")]
    func number(_ offset: Int, _ count: Int) -> Int? { file.number(at: offset, count, bigEndian: isBig) }
    guard number(2, 2) == 42, let directory = number(4, 4), let count = number(directory, 2) else { return false }
    var values: [Int: [Int]] = [:]
    for entry in 0..<count {
      let place = directory + 2 + 12 * entry
      guard let tag = number(place, 2), let type = number(place + 2, 2), let items = number(place + 4, 4) else {
        return false
      }
      let size = [3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4][type] ?? 1
      guard let start = items * size <= 4 ? place + 8 : number(place + 8, 4), start + items * size <= file.size else {
        return false
      }
      // Where strips or tiles begin and how long they are.
      guard [273, 279, 324, 325].contains(tag) else { continue }
      guard [3, 4].contains(type), items <= 1 << 20 else { return false }
      let bytes = file.bytes(at: start, items * size)
      values[tag] = stride(from: 0, to: bytes.count, by: size).map { at in
        let value = bytes[at..<at + size]
        return (isBig ? Array(value) : value.reversed()).reduce(0) { $0 << 8 | Int($1) }
      }
    }
    guard let offsets = values[273] ?? values[324], let lengths = values[279] ?? values[325],
      !offsets.isEmpty, offsets.count == lengths.count
    else { return false }
    return zip(offsets, lengths).allSatisfy { $0 + $1 <= file.size }
  }
}

extension ImageCheck {
  /// The verdicts on many files, looked at on all cores.
  ///
  /// - Parameter progress: told of how many files are looked at and of all, from any thread, one call at a time.
  func verdicts(on paths: [RawPath], progress: @Sendable (Int, Int) -> Void) -> [ImageVerdict] {
    let collected = Collected(count: paths.count)
    let chunk = 32
    DispatchQueue.concurrentPerform(iterations: (paths.count + chunk - 1) / chunk) { number in
      let range = number * chunk..<min(paths.count, (number + 1) * chunk)
      let found = paths[range].map(verdict)
      collected.add(found, at: range) { progress($0, paths.count) }
    }
    return collected.all
  }

  /// Unchecked: everything mutable is read and written under `lock`.
  private final class Collected: @unchecked Sendable {
    private let lock = NSLock()
    private var verdicts: [ImageVerdict]
    private var done = 0

    init(count: Int) { verdicts = Array(repeating: .image, count: count) }

    func add(_ found: [ImageVerdict], at range: Range<Int>, then: (Int) -> Void) {
      lock.withLock {
        verdicts.replaceSubrange(range, with: found)
        done += found.count
        then(done)
      }
    }

    var all: [ImageVerdict] { lock.withLock { verdicts } }
  }
}
