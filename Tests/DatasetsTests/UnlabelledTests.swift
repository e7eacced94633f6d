import Testing

@testable import Datasets

/// A folder of images without labels.
@Suite struct UnlabelledTests {
  private let folder: TemporaryFolder
  private let options = ImageFolder.Options(size: 8, resize: 8)

  init() throws {
    folder = try TemporaryFolder()
    for number in 0..<30 {
      let place = ["", "a/", "a/deep/er/"][number % 3]
      try folder.write(Array("P6 1 1 255\n".utf8) + [1, 2, UInt8(number)], "set/\(place)\(number).ppm")
    }
  }

  private func load(_ share: Double = 0.2, below place: String = "set") throws -> Dataset {
    try Dataset.unlabelled(at: [folder.path + "/" + place], share: share, options: options)
  }

  private func paths(_ source: any ImageSource) throws -> Set<String> {
    Set(try #require(source as? ImageFolder).paths)
  }

  @Test func `images at any depth are found, a share is set apart, and there are no classes`() throws {
    let data = try load()
    #expect(!data.hasLabels && data.classNames.isEmpty)
    #expect(data.train.count == 24 && data.test.count == 6)
    let (train, test) = (try paths(data.train), try paths(data.test))
    #expect(train.isDisjoint(with: test) && train.union(test).count == 30)
    #expect(try paths(load().test) == test)
    let held = try data.holdingOut(0.25, seed: 1)
    #expect(held.validation?.count == 6 && held.train.count == 18 && !held.hasLabels)
  }

  @Test func `too few images to learn from and to test on are refused`() throws {
    for number in 0..<9 {
      try folder.write(Array("P6 1 1 255\n".utf8) + [1, 2, 3], "few/\(number).ppm")
    }
    #expect(throws: DatasetError.self) { try load(below: "few") }
    #expect(throws: DatasetError.self) { try load(below: "nowhere") }
  }
}
