import Foundation
import Interchange
import Testing

/// Files told apart by what is in them.
@Suite struct FileKindTests {
  private static let kinds: [(FileKind, [UInt8], String)] = [
    (.empty, [], "model.onnx"),
    (.gitLFSPointer, Array("version https://git-lfs.github.com/spec/v1\noid sha256:a\nsize 1\n".utf8), "a.pth"),
    (.webPage, Array("\n<!DOCTYPE html><html></html>".utf8), "a.safetensors"),
    (.webPage, Array("<?xml version='1.0'?><Error/>".utf8), "a.onnx"),
    (.json, Array(#"{"error": "not found"}"#.utf8), "a.onnx"),
    (.safetensorsIndex, Array(#"{"metadata": {}, "weight_map": {}}"#.utf8), "a.json"),
    (.text, Array("import torch\nprint('nothing')\n".utf8), "a.pt"),
    (.hdf5, [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], "a.onnx"),
    (.numpy, [0x93] + Array("NUMPY".utf8) + [1, 0], "a.pth"), (.compressed, [0x1F, 0x8B, 8, 0], "a.pth"),
    (.compressed, Array("BZh91AY".utf8), "a"),
    (.tar, Array(repeating: 97, count: 257) + Array("ustar".utf8) + [0], "a.tar"),
    (.tensorFlowLite, [0x1C, 0, 0, 0] + Array("TFL3".utf8), "a.onnx"), (.ggml, Array("GGUF".utf8) + [3, 0, 0, 0], "a"),
    (.tensorFlow, [0x08, 0x01, 0x12, 2, 0x0A, 0], "saved_model.pb"), (.image, [0xFF, 0xD8, 0xFF, 0xE0], "a.onnx"),
    (.pickle, [0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0, 0, 0x4E, 0x2E], "a.pth"),
    (.legacyCheckpoint, [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E], "a"),
    (.safetensors, [2, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8), "model"),
    (.safetensors, [0x80, 2, 0, 0, 0, 0, 0, 0] + Array(("{" + String(repeating: " ", count: 639)).utf8), "a.pth"),
    (.safetensors, [1, 2, 3], "a.safetensors"), (.onnx, [1, 2, 3], "a.onnx"), (.unknown, [1, 2, 3], "a.pth"),
    (.onnx, [0x08, 8, 0x12, 1, 97, 0x3A, 2, 0x0A, 0], "model"),
    // The graph goes beyond the end: who reads it says that it is cut off.
    (.onnx, [0x08, 8, 0x3A, 200, 1], "a.bin"),
  ]

  @Test(arguments: kinds.indices)
  func `first bytes tell a file's kind, whatever its name ends in`(number: Int) throws {
    let (kind, bytes, name) = Self.kinds[number]
    let folder = try TemporaryFolder()
    let file = folder.url.appending(path: name)
    try Data(bytes).write(to: file)
    #expect(try FileKind(of: file) == kind)
    #expect(kind.refusal(of: file).description.contains(name))
  }

  @Test func `a folder and a file that is not there are told`() throws {
    let folder = try TemporaryFolder()
    #expect(try FileKind(of: folder.url) == .folder)
    #expect(message { _ = try FileKind(of: folder.url.appending(path: "x")) }.contains("does not exist"))
    #expect(try FileKind(of: URL(filePath: "/dev/null")) == .special)
  }

  @Test(arguments: [
    ("program.pt2", FileKind.exportedProgram), ("script.onnx", .torchScript), ("plain.safetensors", .checkpoint),
    ("legacy.zip", .legacyCheckpoint), ("arrays.pth", .numpy), ("other.pth", .zip), ("keras.keras", .keras),
    ("cut.pth", .checkpoint), ("exported.bin", .onnx),
  ])
  func `files of Python's programs are told apart under any name`(name: String, kind: FileKind) throws {
    let folder = try Self.saved.get()
    #expect(try FileKind(of: folder.url.appending(path: name)) == kind)
  }

  private static let saved = Result { () throws -> Saved in
    let folder = try TemporaryFolder()
    try Exchange.python("kinds", folder.url)
    return Saved(folder: folder)
  }

  /// Never changed after it is made.
  private struct Saved: @unchecked Sendable {
    let folder: TemporaryFolder
    var url: URL { folder.url }
  }
}
