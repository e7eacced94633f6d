import Foundation
import Testing

@testable import Datasets

/// What is read of a folder that people made, and what is said of the rest.
@Suite struct ImageFolderReadingTests {
  private let folder: TemporaryFolder

  /// Two classes with an image each in both parts.
  init() throws {
    folder = try TemporaryFolder()
    for part in ["train", "test"] {
      try folder.write(fixture("kind-rgb.jpg"), "set/\(part)/cat/one.jpg")
      try folder.write(fixture("kind-grey.png"), "set/\(part)/dog/one.png")
    }
  }

  private func load(_ change: (inout ImageFolder.Reading) -> Void = { _ in }) throws -> Dataset {
    var finder = DatasetFinder(environment: [:])
    finder.photographs = ImageFolder.Options(size: 16, resize: 20)
    change(&finder.reading)
    return try finder.load(folder.path + "/set")
  }

  private func files(_ source: any ImageSource) throws -> [String] {
    let images = try #require(source as? ImageFolder)
    return images.paths.map { String($0.dropFirst(folder.path.count + 5)) }
  }

  @Test func `images in folders below a class's are its own, in torchvision's order`() throws {
    for name in ["b/two.jpg", "b/deep/er/three.jpg", "a/four.jpg", "zero.jpg"] {
      try folder.write(fixture("kind-rgb.jpg"), "set/train/cat/\(name)")
    }
    let data = try load()
    let names = ["one.jpg", "zero.jpg", "a/four.jpg", "b/two.jpg", "b/deep/er/three.jpg"]
    #expect(try files(data.train) == names.map { "train/cat/\($0)" } + ["train/dog/one.png"])
    #expect((0..<6).map(data.train.label) == [0, 0, 0, 0, 0, 1])
  }

  @Test func `a link that leads back is not followed for ever, nor into other classes`() throws {
    let manager = FileManager.default
    for (link, target) in [("cat/again", "../cat"), ("cat/up", ".."), ("cat/top", "../.."), ("dog/self", "self")] {
      try manager.createSymbolicLink(
        atPath: folder.path + "/set/train/\(link)", withDestinationPath: target)
    }
    #expect(try files(load().train) == ["train/cat/one.jpg", "train/dog/one.png"])
  }

  @Test func `hidden files and those that systems leave are not spoken of`() throws {
    for name in [".DS_Store", "Thumbs.db", "desktop.ini", "._one.jpg", ".hidden/x.jpg", "__MACOSX/x.jpg"] {
      try folder.write([1, 2, 3], "set/train/cat/\(name)")
    }
    let data = try load()
    #expect(data.train.count == 2 && data.notes.isEmpty, "\(data.notes)")
  }

  @Test func `what is no image is left out with one note`() throws {
    for name in ["a.txt", "b.TXT", "c.heic", "README"] { try folder.write([1, 2, 3], "set/train/cat/\(name)") }
    try folder.write([1], "set/test/dog/d.csv")
    try folder.write([1], "set/train/labels.csv")
    let data = try load()
    #expect(data.train.count == 2 && data.test.count == 2)
    #expect(
      data.notes == [
        "set: 5 files are no images and were left out: 2 .txt, 1 .csv, 1 .heic (not supported), 1 without an ending",
        "set: 1 file beside the folders of classes was left out",
      ])
  }

  @Test(arguments: [".JPG", ".jpe", ".jfif", ".Jpeg", "", ".data"])
  func `the ending of an image does not matter`(ending: String) throws {
    try folder.write(fixture("kind-rgb.jpg"), "set/train/cat/two\(ending)")
    let data = try load()
    #expect(data.train.count == 3 && data.notes.isEmpty)
  }

  @Test(arguments: DecodingTests.kinds) func `every kind of image is read, and whole ones only`(kind: String) throws {
    try folder.write(fixture(kind), "set/train/cat/\(kind)")
    #expect(try load().train.count == 3)
    let whole = try fixture(kind)
    for share in [0.0, 0.3, 0.6, 0.95] {
      try folder.write(Array(whole.prefix(Int(Double(whole.count) * share))), "set/train/cat/\(kind)")
      let said = sentence { _ = try load() }
      #expect(said.contains("/train/cat/\(kind) cannot be decoded: "), "\(share): \(said)")
    }
  }

  @Test func `a file that is named an image and is none is broken`() throws {
    try folder.write(Array("no image".utf8), "set/test/cat/two.jpeg")
    #expect(sentence { _ = try load() }.contains("/test/cat/two.jpeg cannot be decoded: it is none of"))
  }

  @Test func `all broken images are counted and the first are named`() throws {
    for number in 1...5 { try folder.write([0xFF, 0xD8, 0xFF], "set/test/dog/\(number).jpg") }
    let said = sentence { _ = try load() }
    #expect(said.hasPrefix("5 of 9 images are broken: "), "\(said)")
    for name in ["1.jpg (", "2.jpg (", "3.jpg (", " and 2 more"] { #expect(said.contains(name), "\(said)") }
  }

  @Test func `broken images can be left out, those too that only decoding shows`() throws {
    var bytes = try fixture("kind-rgb.jpg")
    bytes.replaceSubrange(700..<720, with: Array(repeating: 0xFF, count: 20))
    try folder.write(bytes, "set/train/cat/amid.jpg")
    try folder.write(Array(bytes.prefix(300)), "set/test/cat/cut.jpg")
    let data = try load { $0.broken = .leftOut }
    #expect(data.train.count == 2 && data.test.count == 2)
    #expect(data.notes.count == 1)
    #expect(data.notes[0].hasPrefix("set: 2 broken images were left out: "))
    #expect(data.notes[0].contains("amid.jpg (") && data.notes[0].contains("cut.jpg ("))
  }

  @Test func `a class of broken images only is refused even then`() throws {
    try folder.write([0xFF, 0xD8, 0xFF], "set/train/cat/one.jpg")
    #expect(sentence { _ = try load { $0.broken = .leftOut } }.contains("/train/cat has no image"))
  }

  @Test func `a whole photograph with a camera's data behind it is no broken one`() throws {
    try folder.write(fixture("kind-rgb.jpg") + Array(repeating: 7, count: 5000), "set/train/cat/two.jpg")
    #expect(try load().train.count == 3)
  }

  @Test func `test images alone are looked at where no others are wanted`() throws {
    try folder.write([0xFF, 0xD8, 0xFF], "set/train/cat/broken.jpg")
    let data = try load { $0.parts = .test }
    #expect(data.train.count == 0 && data.test.count == 2 && data.classNames == ["cat", "dog"])
    try FileManager.default.removeItem(atPath: folder.path + "/set/train")
    #expect(try load { $0.parts = .test }.classNames == ["cat", "dog"])
  }

  @Test func `progress ends with the number of files`() throws {
    let seen = Seen()
    _ = try load { $0.progress = { seen.note($0, $1) } }
    #expect(seen.last == [4, 4])
  }

  private final class Seen: @unchecked Sendable {
    private(set) var last: [Int] = []
    func note(_ done: Int, _ total: Int) { last = [done, total] }
  }

  #if os(Linux)
    // Other systems do not let such files come to be.
    @Test func `a file whose name is not UTF-8 is read`() throws {
      try folder.write(fixture("kind-rgb.jpg"), raw: Array("set/train/cat/caf".utf8) + [0xE9] + Array(".jpg".utf8))
      let data = try load()
      #expect(try files(data.train) == ["train/cat/caf\\xE9.jpg", "train/cat/one.jpg", "train/dog/one.png"])
      _ = try data.train.pixels(at: 0)
    }

    @Test func `a class whose name is not UTF-8 is refused by name`() throws {
      let place = Array("set/train/caf".utf8) + [0xE9]
      try folder.write(fixture("kind-rgb.jpg"), raw: place + Array("/one.jpg".utf8))
      #expect(sentence { _ = try load() }.contains("/train/caf\\xE9 has a name that is not UTF-8; rename the folder"))
    }

    @Test func `two classes whose names differ only in Unicode's form are refused, two such files are read`() throws {
      let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
      for name in [composed, decomposed] {
        try folder.write(fixture("kind-rgb.jpg"), raw: Array("set/train/cat/\(name).jpg".utf8))
      }
      #expect(try load().train.count == 4)
      for name in [composed, decomposed] {
        try folder.write(fixture("kind-rgb.jpg"), raw: Array("set/train/\(name)/one.jpg".utf8))
      }
      let said = sentence { _ = try load() }
      #expect(
        said.contains("has the name of another class") && said.contains("U+301") && said.contains("U+E9"), "\(said)")
    }
  #endif

  @Test func `a test class is found by its name whichever way its accents are written`() throws {
    try folder.write(fixture("kind-rgb.jpg"), raw: Array("set/train/caf\u{E9}/one.jpg".utf8))
    try folder.write(fixture("kind-rgb.jpg"), raw: Array("set/test/cafe\u{301}/one.jpg".utf8))
    let data = try load()
    #expect(data.classNames.count == 3 && data.test.count == 3)
  }
}
