import Containers
import Foundation
import Testing

@Suite struct SafetensorsTests {
  private func fixture() throws -> URL {
    try #require(Bundle.module.url(forResource: "Fixtures/python", withExtension: "safetensors"))
  }

  private func write(
    _ tensors: [(String, Safetensors.ElementType, [Int], [UInt8])], metadata: [String: String] = [:], to file: URL
  ) throws {
    let owned = tensors.map { tensor in
      let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: tensor.3.count, alignment: 8)
      copy.copyBytes(from: tensor.3)
      return copy
    }
    defer { owned.forEach { $0.deallocate() } }
    let contents = zip(tensors, owned).map {
      Safetensors.Content(name: $0.0, type: $0.1, shape: $0.2, bytes: UnsafeRawBufferPointer($1))
    }
    try Safetensors.write(contents, metadata: metadata, to: file)
  }

  @Test func `the tensors of a file from Python have their types and shapes`() throws {
    let file = try Safetensors(contentsOf: fixture())
    #expect(file.entries.count == 12)
    #expect(file["conv1.weight"]?.type == .float32)
    #expect(file["conv1.weight"]?.shape == [1, 2, 3])
    #expect(file["count"]?.shape == [])
    #expect(file["empty"]?.shape == [0, 4])
    #expect(Set(file.entries.map(\.type)) == Set(Safetensors.ElementType.allCases))
  }

  @Test func `the values of a file from Python are read`() throws {
    let file = try Safetensors(contentsOf: fixture())
    let entry = try #require(file["conv1.weight"])
    let values = file.withUnsafeBytes(of: entry) { bytes in
      (0..<6).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
    #expect(values == [-1, -0.5, 0, 0.5, 1, 1.5])
    #expect(file.bytes(of: try #require(file["pixel"])) == Data([255, 0]))
  }

  @Test func `a name and metadata with quotes, umlauts and escapes are read from Python`() throws {
    let file = try Safetensors(contentsOf: fixture())
    #expect(file["größe/\"x\""] != nil)
    #expect(file.metadata == ["note": "é \"quoted\" \\ \n\t\u{01}\u{7F} / 😀"])
  }

  @Test func `what we write is byte for byte what Python writes`() throws {
    try withTemporaryFolder { folder in
      let file = try Safetensors(contentsOf: fixture())
      let copy = folder.appending(path: "copy.safetensors")
      let tensors = file.entries.shuffled().map { ($0.name, $0.type, $0.shape, [UInt8](file.bytes(of: $0))) }
      try write(tensors, metadata: file.metadata, to: copy)
      #expect(try Data(contentsOf: copy) == Data(contentsOf: fixture()))
    }
  }

  @Test func `metadata with any characters comes back as it was`() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "a.safetensors")
      let all = String(String.UnicodeScalarView((0...0xFFFF).compactMap(Unicode.Scalar.init)))
      let metadata = ["": "", "all": all, "😀\u{10FFFF}": "{\"a\": [1]}\0"]
      try write([], metadata: metadata, to: file)
      let back = try Safetensors(contentsOf: file).metadata
      #expect(back.mapValues { Array($0.utf8) } == metadata.mapValues { Array($0.utf8) })
    }
  }

  @Test func `metadata is written in the order of its keys`() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "a.safetensors")
      try write([], metadata: ["c": "3", "a": "1", "b": "2"], to: file)
      let text = String(decoding: try Data(contentsOf: file).dropFirst(8), as: UTF8.self)
      #expect(text == "{\"__metadata__\":{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}}      ")
    }
  }

  @Test func `the tensors begin at a multiple of eight bytes`() throws {
    try withTemporaryFolder { folder in
      for length in 1...9 {
        let file = folder.appending(path: "a.safetensors")
        try write([(String(repeating: "n", count: length), .uint8, [1], [7])], to: file)
        #expect(try Safetensors(contentsOf: file).entries[0].range.lowerBound % 8 == 0)
      }
    }
  }

  @Test func `an open file stays readable when it is replaced`() throws {
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "a.safetensors")
      try write([("x", .uint8, [100_000], Array(repeating: 1, count: 100_000))], to: url)
      let file = try Safetensors(contentsOf: url)
      try write([("x", .uint8, [1], [2])], to: url)
      #expect(file.bytes(of: file.entries[0]).allSatisfy { $0 == 1 })
    }
  }

  @Test func `a file without tensors is read`() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "a.safetensors")
      try write([], to: file)
      #expect(try Data(contentsOf: file) == Data([8, 0, 0, 0, 0, 0, 0, 0]) + Data("{}      ".utf8))
      #expect(try Safetensors(contentsOf: file).entries.isEmpty)
    }
  }

  @Test func `two tensors of one name are not written`() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "a.safetensors")
      let error = #expect(throws: ContainerError.self) {
        try write([("x", .uint8, [1], [2]), ("x", .uint8, [1], [2])], to: file)
      }
      #expect(error?.description == "\(file.path) cannot hold two tensors named x; rename one")
    }
  }

  @Test func `bytes that do not fit the shape are not written`() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "a.safetensors")
      let error = #expect(throws: ContainerError.self) { try write([("x", .int16, [3], [2])], to: file) }
      #expect(error?.description.contains("expected 6 bytes for I16 of shape [3], found 1 bytes") == true)
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(left.isEmpty)
    }
  }

  @Test func `a tensor named as the metadata is not written`() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "a.safetensors")
      let error = #expect(throws: ContainerError.self) { try write([("__metadata__", .uint8, [1], [2])], to: file) }
      #expect(error?.description.contains("a name the format keeps") == true)
    }
  }
}
