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

  @Test func `a CIFAR-10 file of the wrong size is refused with both sizes`() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      Array("a b c d e f g h i j".map { $0 == " " ? "\n" : $0 }.map { $0.asciiValue ?? 0 }), "batches.meta.txt")
    try folder.write(record(label: 0), "data_batch_1.bin")
    let said = sentence { _ = try DatasetFinder(environment: [:]).load(folder.path) }
    #expect(said.hasSuffix("data_batch_1.bin has 3,073 bytes, expected 30,730,000; fetch it again"))
  }
}
