import Foundation
import Programs

/// Fetches the files of a data set with `curl`, checks them and puts them in place only when all are there and whole.
struct Fetch {
  /// After how many seconds a download is given up.
  var timeout = 1800

  /// - Returns: nothing; afterwards `folder` holds the files, with `.tar.gz` archives unpacked.
  /// - Throws: a sentence saying what failed.
  func callAsFunction(_ downloads: [KnownDataset.Download], into folder: String) throws(Failure) {
    let partial = "\(folder).partial-\(ProcessInfo.processInfo.processIdentifier)"
    defer { try? FileManager.default.removeItem(atPath: partial) }
    try inFiles("\(partial) cannot be made") {
      try FileManager.default.createDirectory(atPath: partial, withIntermediateDirectories: true)
    }
    for download in downloads {
      let file = partial + "/" + download.name
      try run("curl", ["-fsSL", "--connect-timeout", "15", "--max-time", "\(timeout)", "-o", file, download.address])
      guard let content = try? bytes(ofFile: file), sha256(content) == download.sha256 else {
        throw Failure("\(download.address) has another SHA-256 than expected, \(download.sha256); try again later")
      }
      if download.name.hasSuffix(".tar.gz") {
        try run("tar", ["-xzf", file, "-C", partial])
        try? FileManager.default.removeItem(atPath: file)
      }
    }
    try inFiles("\(folder) cannot be written") {
      try? FileManager.default.removeItem(atPath: folder)
      try FileManager.default.moveItem(atPath: partial, toPath: folder)
    }
  }

  /// Why fetching failed, as a sentence's end.
  struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  private func inFiles(_ problem: String, _ body: () throws -> Void) throws(Failure) {
    do { try body() } catch { throw Failure("\(problem): \(error.localizedDescription)") }
  }

  private func run(_ program: String, _ arguments: [String]) throws(Failure) {
    do { try runProgram(program, arguments) } catch { throw Failure(error.description) }
  }
}
