import Foundation
import Testing

@testable import Datasets

@Suite struct DatasetFinderTests {
  private func writeMNIST(_ folder: TemporaryFolder, _ place: String, pixel: UInt8) throws {
    for part in ["train", "t10k"] {
      try folder.write(idx([1, 1, 1], [pixel]), "\(place)/\(part)-images-idx3-ubyte")
      try folder.write(idx([1], [0]), "\(place)/\(part)-labels-idx1-ubyte")
    }
  }

  @Test func `THRESH_DATA comes before the cache, and a named data folder is the only place`() throws {
    let folder = try TemporaryFolder()
    let environment = ["THRESH_DATA": folder.path + "/b", "XDG_CACHE_HOME": folder.path + "/c"]
    for (place, pixel) in [("c/thresh/mnist", 3), ("b/mnist", 2)] as [(String, UInt8)] {
      try writeMNIST(folder, place, pixel: pixel)
      #expect(try DatasetFinder(environment: environment).load("mnist").train.pixels(at: 0) == [pixel])
    }
    let finder = DatasetFinder(dataDirectory: folder.path + "/a", environment: environment)
    #expect(
      sentence { _ = try finder.load("mnist") } == "mnist was not found in \(folder.path)/a; there is no such folder")
    try writeMNIST(folder, "a/fashion-mnist", pixel: 1)
    #expect(
      sentence { _ = try finder.load("mnist") }.hasPrefix("mnist was not found in \(folder.path)/a; put its files"))
    try writeMNIST(folder, "a/mnist", pixel: 1)
    #expect(try finder.load("mnist").train.pixels(at: 0) == [1])
  }

  @Test func `a folder of images is not taken from elsewhere than the named data folder`() throws {
    let folder = try TemporaryFolder()
    for part in ["train", "test"] { try folder.write(fixture("kind-rgb.jpg"), "b/photos/\(part)/cat/one.jpg") }
    try folder.write([], "a/nothing")
    let environment = ["THRESH_DATA": folder.path + "/b"]
    #expect(try DatasetFinder(environment: environment).load("photos").train.count == 1)
    let finder = DatasetFinder(dataDirectory: folder.path + "/a", environment: environment)
    #expect(sentence { _ = try finder.load("photos") }.hasPrefix("photos was not found in \(folder.path)/a; "))
    // A whole path is found wherever data lies.
    #expect(try finder.load(folder.path + "/b/photos").train.count == 1)
  }

  @Test func `the very folder of another set in the same format is not taken`() throws {
    let folder = try TemporaryFolder()
    try writeMNIST(folder, "fashion-mnist", pixel: 9)
    try writeMNIST(folder, "FashionMNIST/raw", pixel: 9)
    for place in ["fashion-mnist", "FashionMNIST/raw"] {
      let finder = DatasetFinder(dataDirectory: "\(folder.path)/\(place)", environment: [:])
      #expect(try finder.load("fashion-mnist").train.count == 1)
      #expect(sentence { _ = try finder.load("mnist") }.hasPrefix("mnist was not found in "))
    }
  }

  @Test func `the data folder may be the very folder of the files`() throws {
    let folder = try TemporaryFolder()
    try writeMNIST(folder, "somewhere", pixel: 9)
    let finder = DatasetFinder(dataDirectory: folder.path + "/somewhere", environment: [:])
    #expect(try finder.load("mnist").train.pixels(at: 0) == [9])
  }

  @Test func `a path is read as what its files are`() throws {
    let folder = try TemporaryFolder()
    try writeMNIST(folder, "fashion-mnist", pixel: 9)
    #expect(try DatasetFinder(environment: [:]).load(folder.path + "/fashion-mnist").name == "fashion-mnist")
  }

  @Test(arguments: [
    ("cifar-10", "cifar10"), ("CIFAR10", "cifar10"), ("cifar-100", "cifar100"),
    ("fashionmnist", "fashion-mnist"), ("glyph", "glyphs"),
  ])
  func `an unknown name suggests the nearest known one`(name: String, expected: String) {
    let said = sentence { _ = try DatasetFinder(environment: [:]).load(name) }
    #expect(said.contains("there is no data set or folder \(name); did you mean \(expected)?"))
  }

  @Test func `a name like no other is only refused`() {
    let said = sentence { _ = try DatasetFinder(environment: [:]).load("imagenet-21k") }
    #expect(said.contains("there is no data set or folder imagenet-21k (known: cifar10"))
  }

  @Test func `a set that is nowhere says where it was sought and how to get it`() throws {
    let folder = try TemporaryFolder()
    let environment = ["THRESH_DATA": folder.path, "HOME": folder.path + "/home"]
    let said = sentence { _ = try DatasetFinder(environment: environment).load("cifar10") }
    #expect(said.contains("cifar10 was not found in \(folder.path), \(folder.path)/home/.cache/thresh; "))
    #expect(said.contains("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"))
  }

  @Test func `a folder that holds no data set says what was expected`() throws {
    let folder = try TemporaryFolder()
    #expect(
      sentence { _ = try DatasetFinder(environment: [:]).load(folder.path) }.contains("holds no data set that is known")
    )
  }

  @Test func `each known set has augmentation that suits it`() throws {
    #expect(Glyphs(train: 1, test: 1).dataset().augmentation == Augmentation(crop: .padded(2), flips: false))
    let folder = try TemporaryFolder()
    try writeMNIST(folder, "mnist", pixel: 1)
    try writeMNIST(folder, "fashion-mnist", pixel: 1)
    let finder = DatasetFinder(dataDirectory: folder.path, environment: [:])
    #expect(try finder.load("mnist").augmentation == Augmentation(crop: .padded(2), flips: false))
    #expect(try finder.load("fashion-mnist").augmentation == Augmentation(crop: .padded(2), flips: true))
  }
}
