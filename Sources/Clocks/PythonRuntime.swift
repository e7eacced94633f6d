import Foundation

/// The Python that a runtime's clock runs in: the one that is named or found with the runtime, or one made for it.
struct PythonRuntime {
  let runtime: ClockName.Runtime
  let environment: [String: String]
  /// Where an environment is made where none is found.
  let folder: URL
  /// Told what takes a while.
  let note: (String) -> Void

  /// The path of a Python that has the runtime.
  ///
  /// `THRESH_PYTHON` names one. Else it is `python3` where that has the runtime, so that times are of the version in
  /// use; and else one of its own, set up once.
  ///
  /// - Throws: `ClockError`.
  func python() throws -> String {
    if let named = environment["THRESH_PYTHON"], !named.isEmpty {
      guard hasRuntime(named) else {
        throw ClockError(
          """
          THRESH_PYTHON is \(named), which cannot import \(runtime.rawValue); run \(named) -m pip install \
          \(runtime.package), or unset it
          """)
      }
      return named
    }
    let own = folder.appending(path: "bin/python").path
    if let found = ["python3", own].first(where: hasRuntime) { return found }
    note("setting up \(runtime.rawValue) in \(folder.path) (about 100 MB, once)")
    do {
      try run("python3", ["-m", "venv", folder.path])
      try run(own, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", runtime.package, "numpy"])
    } catch let error as ClockError {
      throw ClockError(
        """
        \(runtime.rawValue) could not be set up in \(folder.path): \(error.description); install it for python3, or \
        name a Python that has it in THRESH_PYTHON
        """)
    }
    return own
  }

  private func hasRuntime(_ python: String) -> Bool {
    (try? run(python, ["-c", "import numpy, \(runtime.rawValue)"])) != nil
  }

  /// - Throws: `ClockError` with the last line of what it said.
  private func run(_ program: String, _ arguments: [String]) throws {
    let process = Process()
    let errors = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = errors
    do { try process.run() } catch { throw ClockError("\(program) cannot be run") }
    let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      let last = said.split(whereSeparator: \.isNewline).last.map(String.init)
      throw ClockError(last ?? "\(program) ended with status \(process.terminationStatus)")
    }
  }
}
