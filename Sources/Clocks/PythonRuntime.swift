import Compaction
import Foundation
import Programs

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
          \(runtime.rawValue), or unset it
          """)
      }
      return named
    }
    let own = folder.appending(path: "bin/python").path
    if let found = ["python3", own].first(where: hasRuntime) { return found }
    note("setting up \(runtime.rawValue) in \(folder.path) (up to 300 MB, once)")
    do {
      try runProgram("python3", ["-m", "venv", folder.path])
      try runProgram(
        own, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", runtime.rawValue, "numpy"])
    } catch {
      throw ClockError(
        """
        \(runtime.rawValue) could not be set up in \(folder.path): \(error.description); install it for python3, or \
        name a Python that has it in THRESH_PYTHON
        """)
    }
    return own
  }

  private func hasRuntime(_ python: String) -> Bool {
    (try? runProgram(python, ["-c", "import numpy, \(runtime.rawValue)"])) != nil
  }
}
