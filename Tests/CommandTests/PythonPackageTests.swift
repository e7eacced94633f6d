import Testing

/// The Python package, which runs the program; Scripts/test-wheel tests it as people install it.
struct PythonPackageTests {
  @Test func `the Python package compresses modules, refuses bad input, and does what pages say`() throws {
    let folder = try TemporaryFolder()
    let pages = ["README.md", "Documentation/python.md"].map { root.appending(path: $0).path }
    try succeedingInPython(
      "package.py", [folder.path] + pages,
      environment: [
        "PYTHONPATH": root.appending(path: "Python").path, "HOME": folder.path,
        "THRESH": root.appending(path: ".build/release/thresh").path,
      ])
  }
}
