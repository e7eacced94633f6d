import Testing

@testable import Datasets

@Suite struct PlanarRecordsTests {
  /// A record whose planes hold 1, 2 and 3 everywhere but at the second pixel of the second row: 11, 22 and 33.
  private func record(label: UInt8) -> [UInt8] {
    let planes = [(1, 11), (2, 22), (3, 33)].flatMap { value, marked in
      (0..<1024).map { UInt8($0 == 33 ? marked : value) }
    }
    return [label] + planes
  }

  private func read(train: [UInt8], classes: String = "a\nb\nc\n\n") throws -> Dataset {
    let folder = try TemporaryFolder()
    try folder.write(train, "set/train.bin")
    try folder.write(record(label: 0), "set/test.bin")
    try folder.write(Array(classes.utf8), "set/classes.txt")
    return try withExtendedLifetime(folder) {
      try DatasetFinder(dataDirectory: folder.path, environment: [:]).load("set")
    }
  }

  @Test func `planes become three bytes a pixel`() throws {
    let data = try read(train: record(label: 2) + record(label: 1))
    let pixels = try data.train.pixels(at: 1)
    #expect(Array(pixels[(33 * 3 - 3)..<(33 * 3 + 6)]) == [1, 2, 3, 11, 22, 33, 1, 2, 3])
    #expect((0..<2).map(data.train.label) == [2, 1])
    #expect(data.classNames == ["a", "b", "c"])
  }

  @Test func `mean and standard deviation are measured where nobody published them`() throws {
    let data = try read(train: record(label: 0))
    let mean = (1023.0 * 1 + 11) / 1024
    let variance = (1023.0 * 1 + 121) / 1024 - mean * mean
    #expect(abs(Double(data.normalization.mean[0]) - mean / 255) < 1e-8)
    #expect(abs(Double(data.normalization.std[0]) - variance.squareRoot() / 255) < 1e-8)
  }

  @Test func `a file that is no whole number of records is refused`() {
    let said = sentence { _ = try read(train: record(label: 0).dropLast()) }
    #expect(said.contains("train.bin has 3,072 bytes, expected a multiple of 3,073"))
  }

  @Test func `an empty file of records is refused`() {
    #expect(sentence { _ = try read(train: []) }.contains("train.bin has 0 bytes"))
  }

  @Test func `a label beyond the classes is refused with its record`() {
    let said = sentence { _ = try read(train: record(label: 0) + record(label: 3)) }
    #expect(said.contains("has the label 3 in record 1, expected 0 to 2"))
  }

  @Test func `a list without class names is refused`() {
    #expect(sentence { _ = try read(train: record(label: 0), classes: "\n") }.contains("has 0 class names"))
  }

  /// A folder of CIFAR-100's files: a coarse label of 19 and one of these fine labels before each image.
  private func cifar100(train: [UInt8], test: [UInt8] = [0], classes: Int = 100) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try folder.write(train.flatMap { [19] + record(label: $0) }, "cifar-100-binary/train.bin")
    try folder.write(test.flatMap { [19] + record(label: $0) }, "cifar-100-binary/test.bin")
    let names = (0..<classes).map { "class\($0)\n" }.joined()
    try folder.write(Array(names.utf8), "cifar-100-binary/fine_label_names.txt")
    return folder
  }

  @Test func `CIFAR-100 has the fine labels and the pixels behind them`() throws {
    let folder = try cifar100(train: [99, 3], test: [42])
    let data = try PlanarRecords.cifar100(in: folder.path + "/cifar-100-binary", counts: (train: 2, test: 1))
    #expect((0..<2).map(data.train.label) == [99, 3] && data.test.label(at: 0) == 42)
    let pixels = try data.train.pixels(at: 1)
    #expect(Array(pixels[(33 * 3 - 3)..<(33 * 3 + 6)]) == [1, 2, 3, 11, 22, 33, 1, 2, 3])
    #expect(data.classNames.count == 100 && data.classNames.last == "class99")
    #expect(data.augmentation == Augmentation(crop: .padded(4), flips: true))
  }

  @Test(arguments: ["", "/cifar-100-binary"])
  func `CIFAR-100 is found by its name and by its path, and files of the wrong size are refused`(path: String) throws {
    let folder = try cifar100(train: [0])
    let name = path.isEmpty ? "cifar100" : folder.path + path
    let said = sentence { _ = try DatasetFinder(dataDirectory: folder.path, environment: [:]).load(name) }
    #expect(said.hasSuffix("train.bin has 3,074 bytes, expected 153,700,000; fetch it again"))
  }

  @Test func `a fine label beyond the classes is refused with its record`() throws {
    let folder = try cifar100(train: [0, 100])
    let said = sentence {
      _ = try PlanarRecords.cifar100(in: folder.path + "/cifar-100-binary", counts: (train: 2, test: 1))
    }
    #expect(said.contains("train.bin has the label 100 in record 1, expected 0 to 99"))
  }

  @Test func `CIFAR-100 with too few class names is refused`() throws {
    let folder = try cifar100(train: [0], classes: 20)
    let said = sentence { _ = try PlanarRecords.cifar100(in: folder.path + "/cifar-100-binary") }
    #expect(said.contains("fine_label_names.txt has 20 class names, expected 100"))
  }

  @Test func `a CIFAR-10 file of the wrong size is refused with both sizes`() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      Array("a b c d e f g h i j".map { $0 == " " ? "\n" : $0 }.map { $0.asciiValue ?? 0 }), "batches.meta.txt")
    try folder.write(record(label: 0), "data_batch_1.bin")
    let said = sentence { _ = try DatasetFinder(environment: [:]).load(folder.path) }
    #expect(said.hasSuffix("data_batch_1.bin has 3,073 bytes, expected 30,730,000; fetch it again"))
  }
}
