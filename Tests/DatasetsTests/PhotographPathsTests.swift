import Foundation
import Testing

@testable import Datasets

/// Photographs that are named by their paths, without classes.
struct PhotographPathsTests {
  private let folder: String

  init() throws {
    folder = NSTemporaryDirectory() + "thresh-paths-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder + "/b/deep", withIntermediateDirectories: true)
    let image = Array("P6 2 2 255\n".utf8) + [UInt8](repeating: 7, count: 12)
    for name in ["a.ppm", "b/2.ppm", "b/1.ppm", "b/deep/3.ppm"] {
      try Data(image).write(to: URL(filePath: folder + "/" + name))
    }
    try Data("notes".utf8).write(to: URL(filePath: folder + "/b/notes.txt"))
  }

  @Test func `files and folders come in the order in which they are named`() throws {
    let paths = [folder + "/b", folder + "/a.ppm"]
    let (images, notes) = try ImageFolder.photographs(at: paths, options: ImageFolder.Options(size: 2, resize: 2))
    let names = images.paths.map { String($0.dropFirst(folder.count + 1)) }
    #expect(names == ["b/1.ppm", "b/2.ppm", "b/deep/3.ppm", "a.ppm"])
    #expect(notes == ["1 file is no image and was left out"] && images.label(at: 3) == 0)
    #expect(images.path(at: 3) == folder + "/a.ppm")
    try FileManager.default.removeItem(atPath: folder)
  }

  @Test func `a file that is named itself has to be an image, and a folder has to hold one`() throws {
    let options = ImageFolder.Options(size: 2, resize: 2)
    #expect(throws: DatasetError.self) {
      try ImageFolder.photographs(at: [folder + "/b/notes.txt"], options: options)
    }
    #expect(throws: DatasetError.self) { try ImageFolder.photographs(at: [folder + "/nowhere"], options: options) }
    try FileManager.default.createDirectory(atPath: folder + "/empty", withIntermediateDirectories: true)
    #expect(throws: DatasetError.self) { try ImageFolder.photographs(at: [folder + "/empty"], options: options) }
    try FileManager.default.removeItem(atPath: folder)
  }

  @Test func `paths lead through subsets and other labels`() throws {
    let all = try ImageFolder.photographs(at: [folder], options: ImageFolder.Options(size: 2, resize: 2)).images
    let some = RelabelledImages(of: ImageSubset(of: all, indices: [2, 0]), labels: [1])
    #expect(some.path(at: 0) == all.paths[2] && some.path(at: 1) == all.paths[0])
    try FileManager.default.removeItem(atPath: folder)
  }
}
