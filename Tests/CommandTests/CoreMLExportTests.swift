import Foundation
import Testing

/// Packages for Core ML from the command line.
struct CoreMLExportTests {
  private let folder: TemporaryFolder
  private let export: [String]

  init() throws {
    folder = try TemporaryFolder()
    export = ["export", try TrainedRun.lenet.get().run, "--to", "coreml", "--output", folder["small.mlpackage"]]
  }

  private var files: [String] {
    folder.contents().filter { contents in ["bin", "json", "mlmodel", "tmp"].contains { contents.hasSuffix($0) } }
  }

  private func weights() throws -> Data {
    try contents(of: folder["small.mlpackage/Data/com.apple.CoreML/weights/weight.bin"])
  }

  @Test func `a network goes out as a package, in the numbers that are asked for`() throws {
    let outcome = try succeeding(export)
    #expect(outcome.output.contains("small.mlpackage") && outcome.output.contains("iOS 15"), "\(outcome)")
    #expect(
      files == [
        "small.mlpackage/Data/com.apple.CoreML/model.mlmodel",
        "small.mlpackage/Data/com.apple.CoreML/weights/weight.bin", "small.mlpackage/Manifest.json",
      ])
    let half = try weights().count
    try FileManager.default.removeItem(atPath: folder["small.mlpackage"])
    try succeeding(export + ["--precision", "float32"])
    #expect(try weights().count > half * 3 / 2)
    try FileManager.default.removeItem(atPath: folder["small.mlpackage"])
    #expect(try succeeding(export + ["--int8-weights"]).output.contains("iOS 16"))
    #expect(try weights().count < half * 2 / 3)
  }

  @Test func `a package that is there stays, and so does a file`() throws {
    try folder.write("somebody's", "small.mlpackage/notes")
    expectRefusal(try thresh(export), Status.output, ["small.mlpackage exists already"])
    #expect(folder.contents() == ["small.mlpackage", "small.mlpackage/notes"])
    try FileManager.default.removeItem(atPath: folder["small.mlpackage"])
    try folder.write("somebody's", "small.mlpackage")
    expectRefusal(try thresh(export), Status.output, ["small.mlpackage exists already"])
    #expect(try contents(of: folder["small.mlpackage"]) == Data("somebody's".utf8))
  }

  @Test func `a disk that is full leaves no half of a package`() throws {
    expectRefusal(try thresh(export, shell: "ulimit -f 20"), Status.output, ["small.mlpackage/Data", "larger"])
    #expect(folder.contents().isEmpty)
  }

  @Test func `another ending, a missing folder and options of other kinds are refused`() throws {
    let start = Array(export.dropLast())
    expectRefusal(try thresh(start + [folder["small.mlmodel"]]), Status.output, [".mlpackage"])
    expectRefusal(try thresh(start + [folder["nowhere/small.mlpackage"]]), Status.output, ["does not exist"])
    expectRefusal(try thresh(export + ["--fold-batch-norm"]), Status.recipe, ["--fold-batch-norm is for onnx"])
    expectRefusal(try thresh(export + ["--precision", "float8"]), Status.usage, ["--precision"])
    let onnx = [export[0], export[1], "--to", "onnx", "--output", folder["small.onnx"]]
    expectRefusal(try thresh(onnx + ["--int8-weights"]), Status.recipe, ["--int8-weights is for coreml"])
    #expect(folder.contents().isEmpty)
  }
}
