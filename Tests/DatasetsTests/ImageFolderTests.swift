import Foundation
import Testing

@testable import Datasets

@Suite struct ImageFolderTests {
  /// Three photographs of two classes, in natural sizes.
  private func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try folder.write(fixture("kind-rgb.jpg"), "set/train/cat/one.jpg")
    try folder.write(fixture("wide.png"), "set/train/cat/two.PNG")
    try folder.write(fixture("kind-grey.jpg"), "set/train/dog/one.jpeg")
    try folder.write(Array("notes".utf8), "set/train/dog/notes.txt")
    try folder.write(fixture("tall.png"), "set/val/dog/one.png")
    return folder
  }

  private func load(_ folder: TemporaryFolder, channels: Int = 3) throws -> Dataset {
    var finder = DatasetFinder(dataDirectory: folder.path, environment: [:])
    finder.photographs = ImageFolder.Options(size: 16, resize: 20, channels: channels)
    return try finder.load("set")
  }

  @Test func `classes are the sorted folders and images the files in them that are images`() throws {
    let data = try load(folder())
    #expect(data.classNames == ["cat", "dog"])
    #expect((0..<data.train.count).map(data.train.label) == [0, 0, 1])
    #expect(data.test.count == 1 && data.test.label(at: 0) == 1)
    #expect(data.shape == ImageShape(channels: 3, height: 16, width: 16))
  }

  @Test func `a grey photograph has three equal channels`() throws {
    let folder = try folder()
    let pixels = try load(folder).train.pixels(at: 2)
    #expect(pixels.count == 16 * 16 * 3)
    let channels = (0..<3).map { channel in stride(from: channel, to: pixels.count, by: 3).map { pixels[$0] } }
    #expect(channels[0] == channels[1] && channels[0] == channels[2])
  }

  @Test func `a photograph behind a link is that photograph`() throws {
    let folder = try folder()
    let plain = try load(folder).train.pixels(at: 2)
    let place = folder.path + "/set/train/dog/one.jpeg"
    try FileManager.default.moveItem(atPath: place, toPath: folder.path + "/elsewhere.jpeg")
    try FileManager.default.createSymbolicLink(atPath: place, withDestinationPath: folder.path + "/elsewhere.jpeg")
    #expect(try load(folder).train.pixels(at: 2) == plain)
    withExtendedLifetime(folder) {}
  }

  @Test func `colour photographs can be read grey`() throws {
    let folder = try folder()
    #expect(try load(folder, channels: 1).train.pixels(at: 0).count == 16 * 16)
  }

  @Test func `a class without images is refused by name`() throws {
    let folder = try folder()
    try folder.write(Array("notes".utf8), "set/train/emu/notes.txt")
    #expect(sentence { _ = try load(folder) }.contains("/train/emu has no image, found 1 other file"))
  }

  @Test func `a test class that training does not have is refused`() throws {
    let folder = try folder()
    try folder.write(fixture("wide.png"), "set/val/emu/one.png")
    #expect(sentence { _ = try load(folder) }.contains("/val/emu is a class that train does not have"))
  }

  @Test func `a folder with too few images to test on some is refused`() throws {
    let folder = try TemporaryFolder()
    try folder.write(fixture("wide.png"), "set/train/cat/one.png")
    #expect(sentence { _ = try load(folder) }.contains("has no folder test or val, and too few images"))
  }

  @Test func `a corrupt photograph is thrown from next() by its name`() throws {
    let folder = try folder()
    // Its header and its end are those of a whole one.
    var bytes = try fixture("kind-rgb.jpg")
    bytes.replaceSubrange(700..<720, with: Array(repeating: 0xFF, count: 20))
    let path = try folder.write(bytes, "set/train/dog/broken.jpg")
    let data = try load(folder)
    let loader = BatchLoader(data.train, .training(data, batchSize: 2, seed: 1, epoch: 0))
    let said = sentence { while try loader.next() != nil {} }
    #expect(said.contains("/train/dog/broken.jpg cannot be decoded"), "\(path)")
    #expect(sentence { _ = try loader.next() } == said)
  }

  @Test func `training crops differ between epochs and repeat for the same one`() throws {
    let folder = try folder()
    let data = try load(folder)
    func images(epoch: Int) throws -> [Float] {
      var options = BatchLoader.Options.training(data, batchSize: 3, seed: 1, epoch: epoch)
      options.order = .shuffled(seed: 1)
      let batch = try #require(try BatchLoader(data.train, options).next())
      return Array(UnsafeBufferPointer(start: batch.images, count: batch.count * data.shape.count))
    }
    #expect(try images(epoch: 0) == images(epoch: 0))
    #expect(try images(epoch: 0) != images(epoch: 1))
  }

  // Root may read every folder, so there is nothing to see.
  @Test(.enabled(if: !isRoot)) func `a folder without permission is refused by name`() throws {
    let folder = try folder()
    let path = folder.path + "/set/train/cat"
    try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: path)
    defer { try? FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path) }
    #expect(
      sentence { _ = try load(folder) }.contains("/train/cat cannot be read: check that you may list this folder"))
  }

  // As above.
  @Test(.enabled(if: !isRoot)) func `a photograph without permission is refused by name`() throws {
    let folder = try folder()
    try FileManager.default.setAttributes(
      [.posixPermissions: 0], ofItemAtPath: folder.path + "/set/train/cat/one.jpg")
    #expect(
      sentence { _ = try load(folder).train.pixels(at: 0) }.contains(
        "one.jpg cannot be read: Permission denied; check that you may read it"))
  }

  @Test func `a crop larger than the resized photograph is refused`() throws {
    let folder = try folder()
    var finder = DatasetFinder(dataDirectory: folder.path, environment: [:])
    finder.photographs = ImageFolder.Options(size: 224, resize: 200)
    #expect(sentence { _ = try finder.load("set") }.contains("found size 224 and resize 200"))
  }
}
