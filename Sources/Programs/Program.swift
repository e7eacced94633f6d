import Foundation

/// Runs a program found in PATH and waits for it.
///
/// - Throws: `ProgramFailure`.
public func runProgram(_ program: String, _ arguments: [String]) throws(ProgramFailure) {
  let process = Process()
  let errors = Pipe()
  process.executableURL = URL(filePath: "/usr/bin/env")
  process.arguments = [program] + arguments
  process.standardInput = FileHandle.nullDevice
  process.standardOutput = FileHandle.nullDevice
  process.standardError = errors
  do {
    try process.run()
  } catch {
    throw ProgramFailure("\(program) cannot be run: \(error.localizedDescription)")
  }
  let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  guard process.terminationStatus == 0 else {
    let last = said.split(whereSeparator: \.isNewline).last.map(String.init)
    throw ProgramFailure(last ?? "\(program) ended with status \(process.terminationStatus)")
  }
}

/// A program that could not be run or failed: the last line that it wrote to standard error, as a sentence's end.
public struct ProgramFailure: Error, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}
