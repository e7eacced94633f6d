import Foundation
import Testing

/// The examples of README.md and Documentation/commands.md, run line by line as they stand there but for fewer epochs,
/// narrower networks and smaller images.
struct ReadmeTests {
  static let guide = "Documentation/commands.md"
  static let quantization = "Documentation/quantization.md"
  static let photographs = "Documentation/photographs.md"

  /// Two epochs of a few hundred images teach nothing: what is checked is that every command works.
  @Test func `the example of the README`() throws {
    let data = try TinyImages.shared.get()
    let walk = try Walk(
      of: "run shirt.png", in: "README.md",
      shorter: ["--epochs 10": "--epochs 2", "--finetune-epochs 10": "--finetune-epochs 1"])
    try walk.link("shirt.png", to: photograph("kind-grey.png"))
    try walk.run(environment: ["THRESH_DATA": data.folder.path])
    #expect(exists(walk.folder["run/compact.safetensors"]))
    #expect(exists(walk.folder["small.onnx"]))
  }

  @Test func `the first example of the guide is part of the README's`() throws {
    let readme = try Walk(of: "run shirt.png", in: "README.md").lines
    let guide = try Walk(of: "run shirt.png", in: Self.guide).lines
    #expect(guide.count == 4)
    #expect(guide.allSatisfy(readme.contains))
  }

  @Test(arguments: ["README.md", guide, quantization, photographs])
  func `every command of a page has the options that the page gives it`(_ page: String) throws {
    let lines = try blocks(of: page).flatMap { $0.split(separator: "\n") }.filter { $0.hasPrefix("thresh ") }
    try #require(lines.count >= 5)
    var help: [String: String] = [:]
    for words in lines.map({ $0.split(separator: " ").map(String.init) }) {
      let known = try help[words[1]] ?? succeeding([words[1], "--help"]).output
      help[words[1]] = known
      for option in words where option.hasPrefix("--") {
        #expect(known.contains("\(option) ") || known.contains("\(option)/"), "\(words[1]) has no \(option)")
      }
    }
  }

  @Test(arguments: ["resnet18", "mobilenet_v2"])
  func `anyone's network comes in, is made smaller, goes out, and onnxruntime sees the same in every image`(
    _ name: String
  ) throws {
    let walk = try Walk(
      of: "network.onnx", in: Self.guide,
      shorter: ["--epochs 6": "--epochs 1 --batch-size 32", "--finetune-epochs 4": "--finetune-epochs 1"])
    try walk.bringPhotographs(for: name)
    let printed = try walk.run()
    try walk.python("classify")

    let theirs = try JSONDecoder().decode(
      [String: Seen].self, from: try contents(of: walk.folder["classes.json"]))
    let images = theirs.keys.sorted()
    try #require(images.count >= 60)
    let answer = try walk.succeeding("thresh predict small.onnx \(images.joined(separator: " ")) --json")
    let ours = try JSONDecoder().decode([Predicted].self, from: Data(answer.utf8))
    for image in ours where image.classes[0].name != theirs[image.image]?.class {
      // Another class only where two are a channel group within rounding.
      #expect(try #require(theirs[image.image]).lead < 1e-4, "\(image.image)")
    }
    // The walk ends with the compact file evaluated: as many are right as onnxruntime gets right.
    let right = theirs.filter { path, seen in path.split(separator: "/").dropLast().last.map(String.init) == seen.class
    }
    let share = String(format: "top-1 %.2f %%", 100 * Double(right.count) / Double(theirs.count))
    #expect(printed.contains(share), "\(printed)")
    #expect(printed.contains("same class in 100.00 % of \(theirs.count) images"), "\(printed)")
    #expect(exists(walk.folder["small.py"]) && exists(walk.folder["small.mlpackage"]))
  }

  @Test func `planned by onnxruntime's clock and in 8 bits, a network is trained on and sees the same there`() throws {
    let walk = try Walk(
      of: "small-int8.onnx", in: Self.quantization,
      shorter: [
        "--time 0.7": "--time 0.8 --threads 1", "--time-precision int8 ": "",
        "--output small-int8": "--images 32 --output small-int8",
      ])
    try walk.bringPhotographs(for: "resnet18")
    let environment = ["THRESH_PYTHON": root.appending(path: ".venv/bin/python").path]
    try walk.run(environment: environment)
    let rest = try Walk(
      of: "rounded.safetensors", in: Self.quantization,
      shorter: ["--epochs 2": "--epochs 1 --batch-size 32", "--output rounded": "--images 32 --output rounded"])
    _ = try walk.succeeding(rest.commands)
    for file in ["small-int8.onnx", "tuned-int8.onnx"] {
      try? FileManager.default.removeItem(atPath: walk.folder["small.onnx"])
      try walk.link("small.onnx", to: walk.folder[file])
      try walk.python("classify")
      let theirs = try JSONDecoder().decode([String: Seen].self, from: try contents(of: walk.folder["classes.json"]))
      let answer = try walk.succeeding("thresh predict small.onnx \(theirs.keys.joined(separator: " ")) --json")
      let ours = try JSONDecoder().decode([Predicted].self, from: Data(answer.utf8))
      let others = ours.filter { $0.classes[0].name != theirs[$0.image]?.class }
      // Where a number is rounded to its other neighbour, those behind it are rounded otherwise too: as far apart as
      // rounding alone takes the outputs of a network that has learnt nothing, classes may be others.
      for image in others { #expect(try #require(theirs[image.image]).lead < 0.3, "\(file): \(image.image)") }
      #expect(ours.count >= 60 && others.count * 4 < ours.count, "\(file): \(others.count) of \(ours.count)")
    }
  }

  @Test func `the walk for photographs: from pretrained weights for other classes to a compact file`() throws {
    let walk = try Walk(
      of: "resnet18.pth", in: Self.photographs,
      shorter: [
        "--epochs 10": "--epochs 1 --image-size 64 --threads 1", "--finetune-epochs 5": "--finetune-epochs 1",
        "--macs 0.5": "--macs 0.5 --threads 1",
      ])
    try walk.bringPhotographs(for: "resnet18")
    _ = try walk.succeeding("thresh export resnet18 --image-size 64 --to pytorch --output resnet18.py")
    try walk.python("pickle")
    let image = try #require(
      FileManager.default.subpaths(atPath: walk.folder["photographs/test"])?.first {
        $0.hasSuffix(".jpg") || $0.hasSuffix(".png")
      })
    try walk.link("photo.jpg", to: walk.folder["photographs/test/" + image])
    let printed = try walk.run()
    #expect(printed.contains("same class in 100.00 %"), "\(printed)")
    // Names of classes reach the last file.
    let name = String(image.split(separator: "/")[0])
    #expect(try walk.succeeding("thresh predict small.onnx photo.jpg --top 10").contains(name))
  }

  @Test func `images that are varied in every way that the guide shows`() throws {
    let walk = try Walk(
      of: "--rand-augment 2,9", in: Self.guide,
      shorter: [
        "--model resnet18": "--model dec3 --image-size 16 --batch-size 8", "--epochs 60": "--epochs 1",
        "--finetune-epochs 30": "--finetune-epochs 1",
      ])
    let photographs = try TinyPhotographs(["red", "green"])
    try walk.link("photographs", to: photographs.path)
    try walk.run()
    #expect(exists(walk.folder["run/compact.safetensors"]))
  }

  @Test func `a folder of one's own images`() throws {
    let walk = try Walk(
      of: "--model dec3 --data photographs", in: Self.guide,
      shorter: [
        "--epochs 30": "--epochs 2", "--finetune-epochs 30": "--finetune-epochs 1",
        "--image-size 64": "--image-size 32",
      ])
    try walk.python("photographs")
    try walk.run()
    #expect(exists(walk.folder["run/compact.safetensors"]))
  }
}

private struct Seen: Decodable {
  var `class`: String
  var lead: Double
}

private struct Predicted: Decodable {
  struct Candidate: Decodable { var name: String }
  var image: String
  var classes: [Candidate]
}

/// What stands between fences in a page.
private func blocks(of page: String) throws -> [String] {
  let text = try String(contentsOf: root.appending(path: page), encoding: .utf8)
  return text.components(separatedBy: "```").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
}

/// One block of commands of a page, in a folder of its own.
private struct Walk {
  let folder: TemporaryFolder
  let commands: String

  /// - Parameters:
  ///   - words: something that only this block says.
  ///   - page: the file, from the package's folder.
  ///   - shorter: what is written otherwise so that the walk takes seconds; each has to be there.
  init(of words: String, in page: String, shorter: [String: String] = [:]) throws {
    folder = try TemporaryFolder()
    let found = try blocks(of: page).filter { $0.contains("\nthresh ") && $0.contains(words) }
    try #require(found.count == 1, "\(page) has \(found.count) blocks that say \(words), expected one")
    var commands = found[0]
    for (long, short) in shorter {
      try #require(commands.contains(long), "\(page) no longer says \(long)")
      commands = commands.replacing(long, with: short)
    }
    self.commands = commands
  }

  var lines: [Substring] { commands.split(separator: "\n") }

  func link(_ name: String, to path: String) throws {
    try FileManager.default.createSymbolicLink(atPath: folder[name], withDestinationPath: path)
  }

  /// Puts images and a network of that name there; photographs where there are some, else drawn images.
  func bringPhotographs(for network: String) throws {
    let data = ProcessInfo.processInfo.environment["THRESH_DATA", default: ""]
    if data != "" { try link("photographs", to: data + "/caltech10") }
    try python("photographs")
    try link("network.onnx", to: folder["\(network).onnx"])
  }

  @discardableResult
  func run(environment: [String: String] = [:]) throws -> String { try succeeding(commands, environment: environment) }

  /// What the commands print.
  func succeeding(_ commands: String, environment: [String: String] = [:]) throws -> String {
    let script = "set -euo pipefail\nthresh() { \"$PROGRAM\" \"$@\"; }\n" + commands
    let process = Process()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = ["-c", script]
    process.environment = [
      "PATH": "/usr/bin:/bin", "HOME": folder.path, "OMP_NUM_THREADS": "1",
      "PROGRAM": root.appending(path: ".build/release/thresh").path,
    ].merging(kernels) { $1 }.merging(environment) { _, given in given }
    return try ended(process)
  }

  /// Runs a command of Tests/Interop/exchange.py on the folder.
  func python(_ command: String) throws {
    let process = Process()
    process.executableURL = root.appending(path: ".venv/bin/python")
    process.arguments = [root.appending(path: "Tests/Interop/exchange.py").path, command, folder.path]
    process.environment = ["PATH": "/usr/bin:/bin", "HOME": folder.path, "OMP_NUM_THREADS": "1"]
    _ = try ended(process)
  }

  private func ended(_ process: Process) throws -> String {
    process.currentDirectoryURL = URL(filePath: folder.path)
    let files = try ["output.txt", "errors.txt"].map { name in
      try #require(FileHandle(forWritingAtPath: try folder.write("", name)))
    }
    (process.standardOutput, process.standardError) = (files[0], files[1])
    try process.run()
    process.waitUntilExit()
    func text(_ name: String) throws -> String { String(decoding: try contents(of: folder[name]), as: UTF8.self) }
    let (output, errors) = (try text("output.txt"), try text("errors.txt"))
    try #require(process.terminationStatus == 0, "\(errors.suffix(2000))")
    return output
  }
}
