import Foundation
import Testing

@testable import Datasets

@Suite struct FetchTests {
  static let hasCurl = ["/usr/bin/curl", "/bin/curl", "/usr/local/bin/curl"].contains {
    FileManager.default.isExecutableFile(atPath: $0)
  }

  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ]) func `SHA-256 agrees with the standard's examples`(message: String, expected: String) {
    #expect(sha256(Array(message.utf8)) == expected)
  }

  @Test func `SHA-256 of a million letters agrees with the standard's example`() {
    let expected = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    #expect(sha256(Array(repeating: UInt8(ascii: "a"), count: 1_000_000)) == expected)
  }

  // curl fetches from a file's address here, so no network is needed, but curl is.
  @Test(.enabled(if: hasCurl)) func `a file with the expected sum is put in place`() throws {
    let folder = try TemporaryFolder()
    let source = try folder.write(Array("abc".utf8), "server/file.bin")
    let download = KnownDataset.Download(address: "file://" + source, sha256: sha256(Array("abc".utf8)))
    try Fetch()([download], into: folder.path + "/cache/set")
    #expect(try bytes(ofFile: folder.path + "/cache/set/file.bin") == Array("abc".utf8))
  }

  // As above.
  @Test(.enabled(if: hasCurl)) func `a file with another sum leaves nothing behind`() throws {
    let folder = try TemporaryFolder()
    let source = try folder.write(Array("abd".utf8), "server/file.bin")
    let download = KnownDataset.Download(address: "file://" + source, sha256: sha256(Array("abc".utf8)))
    #expect(throws: Fetch.Failure.self) { try Fetch()([download], into: folder.path + "/cache/set") }
    #expect(try entries(ofFolder: RawPath(folder.path + "/cache")).isEmpty)
  }

  // As above.
  @Test(.enabled(if: hasCurl)) func `a file that is not there is a sentence of curl's`() throws {
    let folder = try TemporaryFolder()
    let download = KnownDataset.Download(address: "file://\(folder.path)/nothing", sha256: "")
    let error = #expect(throws: Fetch.Failure.self) { try Fetch()([download], into: folder.path + "/cache/set") }
    #expect(error?.description.contains("curl: (37)") == true)
  }
}
