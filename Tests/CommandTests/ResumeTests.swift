import Foundation
import Testing

/// A run that is stopped, by force or by request, and goes on as if nothing had happened.
struct ResumeTests {
  /// The run that nothing disturbed.
  private static let whole = Result {
    let folder = try TemporaryFolder()
    try succeeding(arguments(folder["whole"], every: "300"))
    return folder
  }

  private let folder: TemporaryFolder
  private let whole: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    whole = try Self.whole.get()
  }

  /// A training for compression with fine-tuning, on one thread, that keeps a checkpoint every few steps.
  private static func arguments(_ output: String, resume: Bool = false, every seconds: String) throws -> [String] {
    ["train", "--model", "dec3", "--epochs", "3", "--finetune-epochs", "2", "--batch-size", "16", "--lr", "0.05"]
      + ["--nuclear", "0.05", "--group", "0.05", "--proximal-every", "4", "--parameters", "0.4", "--threads", "1"]
      + ["--checkpoint-every", seconds, "--output", output] + (try TinyImages.shared.get().options)
      + (resume ? ["--resume"] : [])
  }

  /// The same with a checkpoint at every step, so that a run cannot end before several were seen, however fast or busy
  /// the machine is.
  private func arguments(_ output: String, resume: Bool = false) throws -> [String] {
    try Self.arguments(folder[output], resume: resume, every: "0")
  }

  /// What tells one version of a file from the next: each is a file of its own.
  private func version(_ path: String) -> String? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return "\(status.st_ino) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec)"
  }

  /// Where a checkpoint's training is.
  private func position(_ path: String) throws -> [String: Any] {
    let text = try ModelFile(path).metadata["training", default: ""]
    return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  /// Waits until a file was written anew so often, while the program runs; false when it ended before.
  private func wait(for count: Int, versionsOf path: String, of program: Program) throws -> Bool {
    var (last, seen) = (version(path), 0)
    let deadline = Date().addingTimeInterval(900)
    while seen < count {
      guard program.isRunning else { return false }
      try #require(Date() < deadline, "no checkpoint in a quarter of an hour")
      let now = version(path)
      if now != last { (last, seen) = (now, seen + 1) }
      usleep(500)
    }
    return true
  }

  /// Metrics without the times, which differ.
  private func timeless(_ path: String) throws -> [NSDictionary] {
    try metrics(path).map { line in
      var line = line
      line["seconds"] = nil
      return line as NSDictionary
    }
  }

  private func expectSameAsWhole(_ name: String) throws {
    let files = [
      "last.safetensors", "best.safetensors", "compact.safetensors", "recipe.yaml", "result.json",
      "finetune/last.safetensors", "finetune/best.safetensors",
    ]
    for file in files {
      #expect(try contents(of: whole["whole/\(file)"]) == contents(of: folder["\(name)/\(file)"]), "\(file) differs")
    }
    for file in ["metrics.jsonl", "finetune/metrics.jsonl"] {
      #expect(try timeless(whole["whole/\(file)"]) == timeless(folder["\(name)/\(file)"]), "\(file) differs")
    }
  }

  @Test func `a run killed seven times amid its epochs ends as the one that was left alone`() throws {
    // Checkpoints to wait for before each kill, first in training, then in fine-tuning.
    let kills = [
      ("optimizer.safetensors", 1), ("optimizer.safetensors", 4), ("optimizer.safetensors", 2),
      ("optimizer.safetensors", 7), ("finetune/optimizer.safetensors", 2), ("finetune/optimizer.safetensors", 5),
      ("finetune/optimizer.safetensors", 1),
    ]
    var amidAnEpoch = 0
    for (number, (file, count)) in kills.enumerated() {
      let program = try Program(arguments("killed", resume: number > 0))
      guard try wait(for: count, versionsOf: folder["killed/\(file)"], of: program) else { break }
      program.send(SIGKILL)
      let outcome = try program.wait()
      #expect(outcome.wasKilled && outcome.status == SIGKILL)
      let position = try position(folder["killed/\(file)"])
      if try #require(position["batch"] as? Int) > 0 { amidAnEpoch += 1 }
    }
    #expect(amidAnEpoch >= 4, "only \(amidAnEpoch) kills were amid an epoch")
    try succeeding(arguments("killed", resume: true))
    try expectSameAsWhole("killed")
    #expect(!folder.contents().contains { $0.hasSuffix(".tmp") }, "a torn file of a kill stays")
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func `a request to stop saves, says so, ends with 130, and the run goes on`(number: Int32) throws {
    let program = try Program(arguments("stopped"))
    try #require(try wait(for: 2, versionsOf: folder["stopped/optimizer.safetensors"], of: program))
    program.send(number)
    let outcome = try program.wait()
    #expect(outcome.status == Status.stopped && !outcome.wasKilled)
    #expect(outcome.errorLines.filter { $0.contains("everything is saved") }.count == 1, "\(outcome.errors)")
    #expect(outcome.errorLines.filter { $0.contains("stopping after this step") }.count == 1, "\(outcome.errors)")
    try succeeding(arguments("stopped", resume: true))
    try expectSameAsWhole("stopped")
  }

  @Test func `a run that ended is trained on with more epochs, and fine-tuned anew`() throws {
    let run = try TrainedRun.dec3.get()
    try FileManager.default.copyItem(atPath: run.run, toPath: folder["run"])
    try succeeding(
      ["train", "--resume", "--epochs", "4", "--threads", "1", "--output", folder["run"]] + run.data.options)
    func epochs(_ file: String) throws -> Int {
      String(decoding: try contents(of: folder[file]), as: UTF8.self).split(separator: "\n").count
    }
    #expect(try epochs("run/metrics.jsonl") == 4)
    #expect(try epochs("run/finetune/metrics.jsonl") == 2)
  }

  @Test func `a fine-tuning of compress that is stopped goes on and ends as one that was left alone`() throws {
    let run = try TrainedRun.lenet.get()
    // So many epochs that a request after the first comes before the last.
    func arguments(_ name: String) -> [String] {
      ["compress", run.run, "--energy", "0.9", "--finetune-epochs", "20", "--lr", "0.01", "--threads", "1"]
        + run.data.options + ["--output", folder[name]]
    }
    try succeeding(arguments("whole.safetensors"))
    // Stopped after its first epoch, by a request that comes as soon as that is saved.
    let program = try Program(arguments("small.safetensors"))
    try #require(
      try wait(for: 1, versionsOf: folder["small.safetensors.finetune/optimizer.safetensors"], of: program))
    program.send(SIGINT)
    #expect(try program.wait().status == Status.stopped)
    // The network as it was cut is there all the while.
    try succeeding(["evaluate", folder["small.safetensors"]] + run.data.options)
    try succeeding(arguments("small.safetensors") + ["--resume"])
    #expect(try contents(of: folder["small.safetensors"]) == contents(of: folder["whole.safetensors"]))
  }

  @Test func `a second Ctrl-C ends at once and leaves whole files`() throws {
    // So long that it cannot have ended before both arrive, however busy the machine is.
    let program = try Program(arguments("stopped") + ["--epochs", "1000"])
    try #require(try wait(for: 2, versionsOf: folder["stopped/optimizer.safetensors"], of: program))
    program.send(SIGINT)
    program.send(SIGINT)
    #expect(try program.wait().status == Status.stopped)
    #expect(try position(folder["stopped/optimizer.safetensors"])["step"] is Int)
    try succeeding(["inspect", folder["stopped"]])
  }

  @Test func `a finished run that is resumed stays as it is`() throws {
    try FileManager.default.copyItem(atPath: whole["whole"], toPath: folder["whole"])
    let before = try contents(of: folder["whole/compact.safetensors"])
    try succeeding(arguments("whole", resume: true))
    #expect(try contents(of: folder["whole/compact.safetensors"]) == before)
    #expect(try metrics(folder["whole/metrics.jsonl"]).count == 3)
  }

  @Test func `a damaged checkpoint is refused and stays for whoever wants to look`() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(atPath: try TrainedRun.lenet.get().run, toPath: folder["run"])
    let checkpoint = folder["run/optimizer.safetensors"]
    let whole = try ModelFile(checkpoint)
    let damages: [(String, [UInt8])] = [
      ("cut", [UInt8](try contents(of: checkpoint).dropLast(100))),
      (
        "no training",
        try {
          var file = whole; file.metadata = [:]; return try file.bytes()
        }()
      ),
      (
        "another step",
        try {
          var file = whole; file.metadata["training"] = "{\"batch\":-5}"; return try file.bytes()
        }()
      ),
      (
        "negative",
        try {
          var file = whole
          file.metadata["training"] = file.metadata["training"]?.replacingOccurrences(
            of: "\"batch\":0", with: "\"batch\":-7")
          return try file.bytes()
        }()
      ),
      (
        "absurd",
        try {
          var file = whole
          file.metadata["training"] = file.metadata["training"]?.replacingOccurrences(
            of: "\"correct\":0", with: "\"correct\":\(Int.max)")
          return try file.bytes()
        }()
      ),
      (
        "momentum",
        try {
          var file = whole
          let weight = file.header["momentum/fc3.bias"]
          file.header["momentum/fc3.bias"] = file.header["momentum/conv2.bias"]
          file.header["momentum/conv2.bias"] = weight
          return try file.bytes()
        }()
      ),
    ]
    for (name, damaged) in damages {
      try folder.write(damaged, "run/optimizer.safetensors")
      let outcome = try thresh(["train", "--resume", "--epochs", "6", "--output", folder["run"]])
      #expect(outcome.status == Status.file && !outcome.wasKilled, "\(name): \(outcome)")
      #expect(try contents(of: checkpoint) == Data(damaged))
    }
  }

  @Test func `a checkpoint of another network is refused with everything that does not fit`() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(atPath: try TrainedRun.lenet.get().run, toPath: folder["run"])
    let outcome = try thresh(["train", "--resume", "--model", "dec3", "--output", folder["run"]])
    #expect(outcome.status == Status.file)
    for word in ["expected block1", "found conv1"] { #expect(outcome.errors.contains(word)) }
    // The recipe that goes with the checkpoint is still there.
    try succeeding(["train", "--resume", "--output", folder["run"]])
  }

  @Test func `a run does not go on with other classes or images than it began with`() throws {
    let data = try TinyPhotographs(["a", "b", "c"])
    try succeeding(data.training(folder["run"]))
    let checkpoint = try contents(of: folder["run/optimizer.safetensors"])
    func refused(_ words: [String]) throws {
      let outcome = try thresh(["train", "--resume", "--epochs", "8", "--output", folder["run"]])
      expectRefusal(outcome, Status.file, words + ["start anew"])
      #expect(try contents(of: folder["run/optimizer.safetensors"]) == checkpoint)
    }
    try data.rename([("b", "z")])
    try refused(["other classes than it began with, without b and with z"])
    try data.rename([("z", "b")])
    // One class more, and the same with another name.
    for part in ["train", "test"] {
      try FileManager.default.copyItem(atPath: data.path + "/\(part)/a", toPath: data.path + "/\(part)/d")
    }
    try refused(["other classes than it began with, with d"])
    for part in ["train", "test"] { try FileManager.default.removeItem(atPath: data.path + "/\(part)/d") }
    try data.folder.write(TinyPhotographs.image([1, 2, 3], 0), "photos/train/a/more.ppm")
    try refused(["other images than it began with, 19 to train on and 6 held out instead of 18 to train on"])
    try FileManager.default.removeItem(atPath: data.path + "/train/a/more.ppm")
    // A checkpoint of an earlier version does not say what it began with.
    var old = try ModelFile(folder["run/optimizer.safetensors"])
    let text = old.metadata["training", default: ""]
    let range = try #require(text.range(of: #"\{[^{}]*"classNames"[^{}]*\}"#, options: .regularExpression))
    old.metadata["training"] = text.replacingCharacters(in: range, with: "null")
    try folder.write(try old.bytes(), "run/optimizer.safetensors")
    try succeeding(["train", "--resume", "--epochs", "8", "--output", folder["run"]])
  }

  @Test func `a run goes on with larger batches than it began with`() throws {
    let program = try Program(arguments("changed"))
    try #require(try wait(for: 12, versionsOf: folder["changed/optimizer.safetensors"], of: program))
    program.send(SIGKILL)
    _ = try program.wait()
    let outcome = try thresh(arguments("changed", resume: true) + ["--batch-size", "200"])
    #expect(outcome.status == 0, "\(outcome.errors)")
  }
}
