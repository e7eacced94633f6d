import Testing

@testable import Datasets

@Suite struct IDXTests {
  /// A tiny MNIST: 4 training and 2 test images of 2×3 pixels. `change` may replace files before they are written.
  private func read(gzip: Bool = false, _ change: (inout [String: [UInt8]]) throws -> Void = { _ in }) throws -> Dataset
  {
    var files: [String: [UInt8]] = [
      "train-images-idx3-ubyte": idx([4, 2, 3], (0..<24).map { UInt8($0) }),
      "train-labels-idx1-ubyte": idx([4], [0, 1, 2, 9]),
      "t10k-images-idx3-ubyte": idx([2, 2, 3], (100..<112).map { UInt8($0) }),
      "t10k-labels-idx1-ubyte": idx([2], [3, 4]),
    ]
    try change(&files)
    let folder = try TemporaryFolder()
    for (name, bytes) in files {
      try folder.write(gzip ? gzipped(bytes) : bytes, "mnist/" + name + (gzip ? ".gz" : ""))
    }
    return try withExtendedLifetime(folder) {
      try DatasetFinder(dataDirectory: folder.path, environment: [:]).load("mnist")
    }
  }

  @Test(arguments: [false, true]) func `plain and gzipped files give the same images and labels`(gzip: Bool) throws {
    let data = try read(gzip: gzip)
    #expect(data.shape == ImageShape(channels: 1, height: 2, width: 3))
    #expect(try data.train.pixels(at: 3) == [18, 19, 20, 21, 22, 23])
    #expect((0..<4).map(data.train.label) == [0, 1, 2, 9])
    #expect(try data.test.pixels(at: 1) == [106, 107, 108, 109, 110, 111])
    #expect(data.classNames.count == 10)
  }

  @Test(arguments: [false, true]) func `a truncated file is refused with both sizes`(gzip: Bool) {
    let said = sentence { _ = try read(gzip: gzip) { $0["train-images-idx3-ubyte"]?.removeLast(5) } }
    #expect(said.contains("has 19 bytes, expected 24"))
  }

  @Test func `a gzip file cut in its middle is refused`() throws {
    let folder = try TemporaryFolder()
    let whole = try gzipped(idx([40, 28, 28], (0..<31_360).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }))
    try folder.write(Array(whole.prefix(whole.count / 2)), "mnist/train-images-idx3-ubyte.gz")
    let said = sentence { _ = try DatasetFinder(dataDirectory: folder.path, environment: [:]).load("mnist") }
    #expect(said.contains("expected 31,360"))
  }

  @Test func `a damaged gzip file is refused`() throws {
    let folder = try TemporaryFolder()
    var file = try gzipped(idx([4, 2, 3], (0..<24).map { UInt8($0) }))
    for index in 10..<file.count { file[index] = 0xff }
    try folder.write(file, "mnist/train-images-idx3-ubyte.gz")
    let said = sentence { _ = try DatasetFinder(dataDirectory: folder.path, environment: [:]).load("mnist") }
    #expect(said.contains("is damaged"))
  }

  @Test func `a wrong checksum at the end of a gzip file is noticed`() throws {
    let folder = try TemporaryFolder()
    var file = try gzipped(idx([4, 2, 3], (0..<24).map { UInt8($0) }))
    file[file.count - 6] ^= 1
    try folder.write(file, "mnist/train-images-idx3-ubyte.gz")
    let said = sentence { _ = try DatasetFinder(dataDirectory: folder.path, environment: [:]).load("mnist") }
    #expect(said.contains("is damaged"))
  }

  @Test(arguments: [false, true]) func `a file that goes on after its images is refused`(gzip: Bool) {
    let said = sentence {
      _ = try read(gzip: gzip) { $0["train-images-idx3-ubyte"]? += Array(repeating: 0, count: 1_000_000) }
    }
    #expect(said.contains("goes on after the 24 bytes expected"))
  }

  @Test func `an empty file is refused`() {
    #expect(sentence { _ = try read { $0["train-labels-idx1-ubyte"] = [] } }.contains("is empty"))
  }

  @Test func `a file that ends within its header is refused`() {
    #expect(sentence { _ = try read { $0["train-labels-idx1-ubyte"] = [0, 0, 8] } }.contains("within its header"))
  }

  @Test func `a file of another kind is refused with what it begins with`() {
    let said = sentence { _ = try read { $0["train-labels-idx1-ubyte"] = Array("hello world".utf8) } }
    #expect(said.contains("begins with [104, 101, 108, 108], expected [0, 0, 8, 1]"))
  }

  @Test(arguments: [[0xffff_ffff, 0xffff_ffff, 0xffff_ffff], [1 << 30, 28, 28], [4, 0, 3]])
  func `a header that announces more than the file can hold is refused`(axes: [Int]) {
    let said = sentence { _ = try read { $0["train-images-idx3-ubyte"] = idx(axes, [1, 2, 3]) } }
    #expect(said.contains("which it cannot") || said.contains("has 3 bytes, expected 841,813,590,016"))
  }

  @Test func `a gzip header that announces gigabytes is refused before they are allocated`() {
    let said = sentence {
      _ = try read(gzip: true) { $0["train-images-idx3-ubyte"] = idx([1 << 22, 28, 28], [1, 2, 3]) }
    }
    #expect(said.contains("which it cannot"))
  }

  @Test func `fewer labels than images are refused`() {
    let said = sentence { _ = try read { $0["train-labels-idx1-ubyte"] = idx([3], [0, 1, 2]) } }
    #expect(said.contains("has 3 labels for 4 images"))
  }

  @Test func `a label beyond the classes is refused`() {
    let said = sentence { _ = try read { $0["t10k-labels-idx1-ubyte"] = idx([2], [3, 10]) } }
    #expect(said.contains("has the label 10, expected 0 to 9"))
  }

  @Test func `a missing file is named`() {
    let said = sentence { _ = try read { $0["t10k-labels-idx1-ubyte"] = nil } }
    #expect(said.contains("t10k-labels-idx1-ubyte cannot be read: there is no such file"))
  }

  @Test func `a folder of IDX files under another name is read with classes named by number`() throws {
    let folder = try TemporaryFolder()
    for part in ["train", "t10k"] {
      try folder.write(idx([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]), "own/\(part)-images-idx3-ubyte")
      try folder.write(idx([2], [0, 2]), "own/\(part)-labels-idx1-ubyte")
    }
    let data = try DatasetFinder(dataDirectory: folder.path, environment: [:]).load("own")
    #expect(data.name == "own")
    #expect(data.classNames == ["0", "1", "2"])
  }
}
