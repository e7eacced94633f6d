import Testing

@testable import Datasets

/// The test part of a folder that has training images only.
@Suite struct TestSplitTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    for (name, count) in [("cat", 30), ("dog", 20), ("emu", 3)] {
      for number in 0..<count { try add("\(name)/\(number)") }
    }
  }

  /// An image of one pixel.
  private func add(_ name: String) throws {
    try folder.write(Array("P6 1 1 255\n".utf8) + [1, 2, 3], "set/train/\(name).ppm")
  }

  private func load(share: Double = 0.1, _ parts: ImageFolder.Reading.Parts = .all) throws -> Dataset {
    var finder = DatasetFinder(dataDirectory: folder.path, environment: [:])
    finder.photographs = ImageFolder.Options(size: 8, resize: 8)
    (finder.reading.testShare, finder.reading.parts) = (share, parts)
    return try finder.load("set")
  }

  private func paths(_ source: any ImageSource) throws -> Set<String> {
    Set(try #require(source as? ImageFolder).paths)
  }

  private func counts(_ source: any ImageSource) -> [Int] {
    (0..<3).map { label in (0..<source.count).filter { source.label(at: $0) == label }.count }
  }

  @Test func `the same share of every class is set apart, at least one image, and a note says so`() throws {
    let data = try load()
    #expect(counts(data.test) == [3, 2, 1] && counts(data.train) == [27, 18, 2])
    #expect(try paths(data.test).isDisjoint(with: paths(data.train)))
    #expect(
      data.notes == [
        "set: there is no folder test or val, so 6 of 53 training images (0.1 of every class, always the same) were "
          + "set apart for testing; `test-share` changes how many"
      ])
    #expect(counts(try load(share: 0.5).test) == [15, 10, 2])
    // Of one image or two there is one to learn from.
    #expect(counts(try load(share: 0.99).train) == [1, 1, 1])
  }

  @Test func `who only tests gets the same images, and no others`() throws {
    let whole = try load()
    let tested = try load(.test)
    #expect(try paths(tested.test) == paths(whole.test))
    #expect(tested.train.count == 0 && tested.classNames == whole.classNames)
  }

  @Test func `more images leave most of the choice as it was, and a larger share keeps all of it`() throws {
    let before = try paths(load().test)
    #expect(try paths(load(share: 0.2).test).isSuperset(of: before))
    for number in 30..<33 { try add("cat/\(number)") }
    #expect(try paths(load().test).intersection(before).count >= 3)
    let others = (0..<100).map { Array("/\($0).jpg".utf8) }
    let split = TestSplit(of: Array(0..<100), share: 0.1, label: { _ in 0 }, name: { others[$0] })
    // Not the first or the last of the alphabet.
    #expect(split.test.count == 10 && split.test.contains { $0 < 50 } && split.test.contains { $0 >= 50 })
    #expect((split.train + split.test).sorted() == Array(0..<100))
  }

  @Test func `with a test folder nothing is set apart`() throws {
    try folder.write(Array("P6 1 1 255\n".utf8) + [1, 2, 3], "set/test/cat/one.ppm")
    let data = try load()
    #expect(data.test.count == 1 && data.train.count == 53 && data.notes.isEmpty)
  }

  @Test(arguments: [0, 1, -0.5, .nan]) func `a share that is none is refused`(share: Double) {
    #expect(sentence { _ = try load(share: share) }.contains("a share for testing lies between 0 and 1"))
  }
}
