import Foundation
import Testing

/// The Python package, which runs the program; Scripts/test-wheel tests it as people install it.
struct PythonPackageTests {
  @Test func `the Python package compresses modules, refuses bad input, and does what pages say`() throws {
    let folder = try TemporaryFolder()
    let process = Process()
    process.executableURL = root.appending(path: ".venv/bin/python")
    process.arguments =
      [root.appending(path: "Tests/Interop/package.py").path, folder.path]
      + ["README.md", "Documentation/python.md"].map { root.appending(path: $0).path }
    process.environment =
      [
        "PYTHONPATH": root.appending(path: "Python").path, "PYTHONDONTWRITEBYTECODE": "1",
        "THRESH": root.appending(path: ".build/release/thresh").path, "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin",
        "HOME": folder.path,
      ].merging(kernels) { $1 }
    let said = Pipe()
    (process.standardOutput, process.standardError) = (said, said)
    try process.run()
    let text = String(decoding: try said.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(text.suffix(2000))")
  }
}
