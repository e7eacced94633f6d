import Containers
import Foundation
import Testing

@Suite struct DamagedSafetensorsTests {
  /// Writes the bytes as a file and gives the sentence with which it is refused, without the file's path.
  private func refusal(of bytes: Data, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "a.safetensors")
      try bytes.write(to: file)
      let error = #expect(throws: ContainerError.self, sourceLocation: sourceLocation) {
        try Safetensors(contentsOf: file)
      }
      let sentence = error?.description ?? ""
      #expect(sentence.hasPrefix(file.path + " "), sourceLocation: sourceLocation)
      return String(sentence.dropFirst(file.path.count + 1))
    }
  }

  private func refusal(
    of header: String, bytes: Int = 0, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> String {
    try refusal(of: file(Data(header.utf8)) + Data(count: bytes), sourceLocation: sourceLocation)
  }

  private func file(_ header: Data) -> Data {
    Swift.withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) } + header
  }

  private func tensor(_ shape: String, _ offsets: String, type: String = "U8", name: String = "x") -> String {
    "\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}"
  }

  @Test func `a missing file is told`() {
    #expect(throws: ContainerError("/nowhere/a.safetensors could not be opened: it does not exist; check the path")) {
      try Safetensors(contentsOf: URL(filePath: "/nowhere/a.safetensors"))
    }
  }

  @Test func `a folder is told`() {
    #expect(throws: ContainerError("/tmp is a folder, expected a safetensors file; check the path")) {
      try Safetensors(contentsOf: URL(filePath: "/tmp", directoryHint: .notDirectory))
    }
  }

  @Test func `an empty file is told`() throws {
    #expect(
      try refusal(of: Data())
        == "is empty, expected a safetensors file of at least 10 bytes; fetch or export it again")
  }

  @Test func `a file of three bytes is told`() throws {
    #expect(try refusal(of: Data(count: 3)).hasPrefix("has only 3 bytes"))
  }

  @Test func `a header of 2^63 bytes is refused`() throws {
    let length = Data([0, 0, 0, 0, 0, 0, 0, 0x80])
    #expect(try refusal(of: length).hasPrefix("declares a header of 9223372036854775808 bytes, expected at most"))
  }

  @Test func `a header of more than 100 MB is refused`() throws {
    let length = Swift.withUnsafeBytes(of: UInt64(100_000_001).littleEndian) { Data($0) }
    #expect(try refusal(of: length).hasPrefix("declares a header of 100000001 bytes"))
  }

  @Test func `a header past the file's end is told`() throws {
    let shortened = file(Data("{}      ".utf8)).dropLast(3)
    #expect(
      try refusal(of: Data(shortened))
        == "has 13 bytes, expected at least 16 for its header alone; fetch or export it again")
  }

  @Test func `a header that is not UTF-8 is told`() throws {
    let header = Data("{\"".utf8) + Data([0xFF, 0xFE]) + Data("\":1}".utf8)
    #expect(try refusal(of: file(header)).contains("expected UTF-8 in a name in the header"))
  }

  @Test(arguments: [
    "hello", "", "[]", "{", "{\"a\"", "{\"a\":}", "{} {}", "{,}", "{\"a\":{}", "null", "{\"\\ud800\":{}}",
  ])
  func `a header that is not JSON is told`(header: String) throws {
    #expect(try refusal(of: header).contains("expected"))
  }

  @Test func `a hundred thousand nested braces are refused`() throws {
    let braces = String(repeating: "{\"a\":", count: 100_000)
    #expect(try refusal(of: braces).hasPrefix("declares a for tensor a, expected only"))
    #expect(try refusal(of: String(repeating: "[", count: 100_000)).contains("expected { for the header"))
  }

  @Test func `a name that comes twice is told`() throws {
    let header = "{\(tensor("[1]", "[0,1]")),\(tensor("[1]", "[1,2]"))}"
    #expect(
      try refusal(of: header, bytes: 2)
        == "declares x twice in the header, expected it once; export it again")
  }

  @Test func `a name that comes twice behind an escape is told`() throws {
    let header = "{\(tensor("[1]", "[0,1]")),\(tensor("[1]", "[1,2]", name: "\\u0078"))}"
    #expect(try refusal(of: header, bytes: 2).hasPrefix("declares x twice"))
  }

  @Test func `a key of the metadata that comes twice is told`() throws {
    #expect(
      try refusal(of: "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}").hasPrefix("declares k twice in __metadata__"))
  }

  @Test func `metadata that is not text is told`() throws {
    #expect(try refusal(of: "{\"__metadata__\":{\"k\":1}}").contains("expected text in quotes for the metadata k"))
  }

  @Test func `offsets past the file's end are told`() throws {
    #expect(
      try refusal(of: "{\(tensor("[5]", "[0,5]"))}", bytes: 4)
        == "is damaged: tensor x ends at byte 5 after the header, expected at most 4, the file's end; "
        + "fetch or export it again")
  }

  @Test func `tensors that overlap are told`() throws {
    let header = "{\(tensor("[3]", "[0,3]")),\(tensor("[2]", "[2,4]", name: "y"))}"
    #expect(
      try refusal(of: header, bytes: 4)
        .hasPrefix("is damaged: tensor y overlaps the tensor before it: expected offset 3, found 2"))
  }

  @Test func `a hole between tensors is told`() throws {
    let header = "{\(tensor("[1]", "[0,1]")),\(tensor("[2]", "[2,4]", name: "y"))}"
    #expect(try refusal(of: header, bytes: 4).contains("tensor y leaves a hole before it: expected offset 1, found 2"))
  }

  @Test func `bytes after the last tensor are told`() throws {
    #expect(
      try refusal(of: "{\(tensor("[1]", "[0,1]"))}", bytes: 4)
        == "has 4 bytes after its header, expected the 1 of its tensors; fetch or export it again")
  }

  @Test func `reversed offsets are told`() throws {
    #expect(
      try refusal(of: "{\(tensor("[1]", "[2,1]"))}", bytes: 2).contains("reversed data_offsets, found 2 before 1"))
  }

  @Test func `three offsets are told`() throws {
    #expect(try refusal(of: "{\(tensor("[1]", "[0,1,2]"))}", bytes: 2).contains("has 3 data_offsets, expected 2"))
  }

  @Test func `a byte count that is not the shape's is told`() throws {
    #expect(
      try refusal(of: "{\(tensor("[2,3]", "[0,12]", type: "F32"))}", bytes: 12)
        == "is damaged: tensor x has 12 bytes, expected 24 for F32 of shape [2, 3]; fetch or export it again")
  }

  @Test(arguments: ["[0,4611686018427387904,4611686018427387904]", "[4611686018427387904,4611686018427387904,0]"])
  func `a zero does not excuse a shape whose other extents overflow`(shape: String) throws {
    #expect(try refusal(of: "{" + tensor(shape, "[0,0]") + "}").contains("is too large"))
  }

  @Test func `a shape whose product overflows is told`() throws {
    let header = "{\(tensor("[4294967296,4294967296]", "[0,0]"))}"
    #expect(try refusal(of: header).contains("tensor x is too large: expected fewer than 2^63 bytes"))
  }

  @Test(arguments: ["-1", "NaN", "1e400", "1.5", "1.0", "1e1", "\"1\"", "null", "01", "9223372036854775808", "[1]", ""])
  func `a number that is not a whole one is told`(number: String) throws {
    let sentence = try refusal(of: "{\(tensor("[1,\(number)]", "[0,1]"))}", bytes: 1)
    #expect(sentence.contains("expected a whole number from 0 to 9223372036854775807 in the shape of tensor x, found"))
  }

  @Test func `an unknown dtype is named`() throws {
    #expect(
      try refusal(of: "{\(tensor("[1]", "[0,1]", type: "F5"))}", bytes: 1)
        .hasPrefix("has tensor x of dtype F5, expected one of BOOL, U8, I8, I16, F16, BF16, I32, F32, F64, I64"))
  }

  @Test func `a type of the format that is not read does not hide the other tensors`() throws {
    try withTemporaryFolder { folder in
      let place = folder.appending(path: "a.safetensors")
      let header =
        "{\(tensor("[3]", "[0,3]", type: "F8_E4M3")),\(tensor("[2,2]", "[3,5]", type: "F4", name: "y")),"
        + "\(tensor("[1]", "[5,6]", name: "z"))}"
      try (file(Data(header.utf8)) + Data(count: 6)).write(to: place)
      let read = try Safetensors(contentsOf: place)
      #expect(read.unreadable == ["x": "F8_E4M3", "y": "F4"] && read.entries.map(\.name) == ["z"])
    }
    #expect(
      try refusal(of: "{\(tensor("[3]", "[0,2]", type: "F8_E4M3"))}", bytes: 2)
        .hasPrefix("is damaged: tensor x has 2 bytes, expected 3 for F8_E4M3"))
  }

  @Test func `a tensor without a shape is told`() throws {
    let header = "{\"x\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}"
    #expect(try refusal(of: header, bytes: 1).hasPrefix("declares no shape for tensor x"))
  }

  @Test func `an unknown property of a tensor is told`() throws {
    #expect(try refusal(of: "{\"x\":{\"strides\":[1]}}").hasPrefix("declares strides for tensor x"))
  }

  @Test func `control characters of a name do not reach the error's reader`() throws {
    let header = "{\(tensor("[2]", "[0,1]", name: "\\u001b[31m"))}"
    #expect(try !refusal(of: header, bytes: 1).contains("\u{1B}"))
  }

  @Test func `every file that is cut short is refused`() throws {
    let whole = file(Data("{\(tensor("[3]", "[0,3]"))}".utf8)) + Data(count: 3)
    for length in 0..<whole.count { _ = try refusal(of: Data(whole.prefix(length))) }
  }
}
