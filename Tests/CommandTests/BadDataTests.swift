import Foundation
import Testing

/// Images that are not what their format says.
struct BadDataTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func train(_ data: String, _ options: [String] = ["--model", "lenet5"]) throws -> Outcome {
    try thresh(
      ["train", "--epochs", "1", "--nuclear", "0", "--group", "0", "--threads", "1", "--data", data]
        + ["--data-dir", folder.path, "--output", folder["run"]] + options)
  }

  private static let (images, labels) = TinyImages.drawn(40, side: 28)

  /// Damages of an IDX set: the file, its new bytes (nil takes it away) and what the sentence has to say.
  static let damages: [(file: String, bytes: [UInt8]?, words: [String])] = [
    ("train-images-idx3-ubyte", Array(idx([40, 28, 28], images).dropLast(99)), ["train-images", "expected 31,360"]),
    ("train-images-idx3-ubyte", [], ["train-images", "is empty"]),
    ("train-images-idx3-ubyte", [0, 0, 8], ["train-images", "within its header"]),
    ("train-images-idx3-ubyte", [1, 2, 3, 4] + idx([40, 28, 28], images).dropFirst(4), ["begins with [1, 2, 3, 4]"]),
    ("train-images-idx3-ubyte", idx([0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF], []), ["which it cannot"]),
    ("train-images-idx3-ubyte", idx([40, 28, 28], images) + [0], ["goes on"]),
    ("train-images-idx3-ubyte", idx([0, 28, 28], []), ["train-images"]),
    ("train-labels-idx1-ubyte", idx([40], labels.map { $0 + 1 }), ["label 10", "0 to 9"]),
    ("train-labels-idx1-ubyte", idx([39], labels.dropLast()), ["39 labels for 40 images"]),
    ("t10k-labels-idx1-ubyte", nil, ["t10k-labels"]),
    ("t10k-images-idx3-ubyte", idx([40, 14, 56], images), ["14x56"]),
  ]

  @Test(arguments: damages.indices)
  func `a damaged IDX file is named and nothing is written`(_ number: Int) throws {
    for prefix in ["train", "t10k"] {
      try folder.write(idx([40, 28, 28], Self.images), "fashion-mnist/\(prefix)-images-idx3-ubyte")
      try folder.write(idx([40], Self.labels), "fashion-mnist/\(prefix)-labels-idx1-ubyte")
    }
    let damage = Self.damages[number]
    if let bytes = damage.bytes {
      try folder.write(bytes, "fashion-mnist/\(damage.file)")
    } else {
      try FileManager.default.removeItem(atPath: folder["fashion-mnist/\(damage.file)"])
    }
    expectRefusal(try train("fashion-mnist"), Status.data, damage.words)
    #expect(!exists(folder["run"]))
  }

  @Test func `a gzipped file that is none is refused`() throws {
    try folder.write([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3], "fashion-mnist/train-images-idx3-ubyte.gz")
    expectRefusal(try train("fashion-mnist"), Status.data, ["train-images-idx3-ubyte.gz"])
  }

  @Test func `CIFAR-10 files that are cut or have labels out of range are refused`() throws {
    let names = (0..<10).map { "class\($0)" }.joined(separator: "\n")
    try folder.write(names, "cifar10/batches.meta.txt")
    try folder.write([UInt8](repeating: 0, count: 3073 * 7 - 1), "cifar10/data_batch_1.bin")
    expectRefusal(try train("cifar10"), Status.data, ["data_batch_1.bin", "expected 30,730,000"])
    try folder.write(names, "chars36/classes.txt")
    var records = [UInt8](repeating: 7, count: 3073 * 4)
    records[3073] = 10
    try folder.write(records, "chars36/train.bin")
    expectRefusal(try train("chars36"), Status.data, ["label 10 in record 1"])
    #expect(!exists(folder["run"]))
  }

  /// A folder of two classes with real photographs.
  private func makePhotographs() throws {
    for part in ["train", "test"] {
      for (name, files) in [("a", ["tiny.png", "wide.png"]), ("b", ["tall.png", "kind-rgb.jpg"])] {
        try FileManager.default.createDirectory(
          atPath: folder["photos/\(part)/\(name)"], withIntermediateDirectories: true)
        for file in files {
          try FileManager.default.copyItem(
            atPath: photograph(file), toPath: folder["photos/\(part)/\(name)/\(file)"])
        }
      }
    }
  }

  private let photographOptions = ["--model", "dec3", "--image-size", "16", "--validation", "0", "--batch-size", "2"]

  @Test func `a folder of photographs trains and its classes are predicted`() throws {
    try makePhotographs()
    let outcome = try train(folder["photos"], photographOptions)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let found = try succeeding(["predict", folder["run"], photograph("kind-rgb.jpg")])
    #expect(found.output.contains("kind-rgb.jpg: a ") || found.output.contains("kind-rgb.jpg: b "))
  }

  @Test(arguments: ["wide.png", "kind-rgb.jpg"])
  func `a damaged photograph is named, in training and in prediction`(file: String) throws {
    try makePhotographs()
    let whole = [UInt8](try contents(of: photograph(file)))
    for damaged in [[], Array(whole.prefix(whole.count / 3)), Array("not an image".utf8), Array(whole.prefix(8))] {
      let path = try folder.write(damaged, "photos/train/\(file == "wide.png" ? "a" : "b")/\(file)")
      let outcome = try train(folder["photos"], photographOptions)
      #expect(outcome.status == Status.data && !outcome.wasKilled, "\(outcome)")
      #expect(outcome.errorLines.last?.contains(file) == true)
      #expect(!folder.contents().contains { $0.hasPrefix("run/") && $0.hasSuffix(".safetensors") })
      try? FileManager.default.removeItem(atPath: folder["run"])
      expectRefusal(try thresh(["predict", try TrainedRun.lenet.get().run, path]), Status.data, [file])
    }
  }

  @Test func `an image folder with an empty class or an unknown class is refused`() throws {
    try makePhotographs()
    let manager = FileManager.default
    try manager.createDirectory(atPath: folder["photos/train/c"], withIntermediateDirectories: true)
    expectRefusal(try train(folder["photos"], photographOptions), Status.data, ["photos/train/c", "no image"])
    try manager.removeItem(atPath: folder["photos/train/c"])
    try manager.moveItem(atPath: folder["photos/test/b"], toPath: folder["photos/test/d"])
    expectRefusal(try train(folder["photos"], photographOptions), Status.data, ["photos/test/d"])
    #expect(!exists(folder["run"]))
  }

  @Test func `a broken image among those for testing is found before the first epoch`() throws {
    try makePhotographs()
    let whole = [UInt8](try contents(of: photograph("kind-rgb.jpg")))
    for name in ["one.jpg", "two.jpg"] { try folder.write(Array(whole.dropLast(99)), "photos/test/b/\(name)") }
    expectRefusal(
      try train(folder["photos"], photographOptions), Status.data,
      ["2 of 10 images are broken", "photos/test/b/one.jpg (", "--skip-broken"])
    #expect(!exists(folder["run"]))
    let skipping = try train(folder["photos"], photographOptions + ["--skip-broken"])
    #expect(skipping.status == 0 && skipping.errors.contains("photos: 2 broken images were left out"), "\(skipping)")
    // The recipe keeps it.
    let again = try thresh(["train", "--resume", "--epochs", "2", "--output", folder["run"]])
    #expect(again.status == 0 && again.errors.contains("2 broken images were left out"), "\(again)")
    expectRefusal(try thresh(["evaluate", folder["run"], "--data", folder["photos"]]), Status.data, ["one.jpg"])
    let evaluated = try succeeding(["evaluate", folder["run"], "--data", folder["photos"], "--skip-broken", "--json"])
    #expect(try evaluated.json()["images"] as? Int == 4)
  }

  @Test func `what is left out of a folder is said once`() throws {
    try makePhotographs()
    for name in ["train/a/notes.txt", "test/b/list.csv", "test/b/deep/more.csv"] {
      try folder.write("no image", "photos/\(name)")
    }
    let outcome = try train(folder["photos"], photographOptions)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let notes = outcome.errorLines.filter { $0.hasPrefix("note: ") }
    #expect(notes == ["note: photos: 3 files are no images and were left out: 2 .csv, 1 .txt"], "\(outcome.errors)")
  }

  @Test func `every format is predicted as well as trained on`() throws {
    let run = try TrainedRun.lenet.get().run
    let kinds = ["lossless.webp", "lzw.tif", "24.bmp", "palette.gif", "raw.ppm", "rgb.jpg", "grey.png"]
    let outcome = try succeeding(["predict", run] + kinds.map { photograph("kind-\($0)") })
    #expect(outcome.output.split(separator: "\n").count == kinds.count)
  }

  @Test func `a data folder without the set is refused, whatever lies elsewhere`() throws {
    let data = try TinyImages.shared.get()
    try FileManager.default.createDirectory(atPath: folder["empty"], withIntermediateDirectories: true)
    for place in [folder["empty"], folder["nowhere"]] {
      let outcome = try thresh(
        ["evaluate", try TrainedRun.lenet.get().run, "--data", "fashion-mnist", "--data-dir", place],
        environment: ["THRESH_DATA": data.folder.path])
      expectRefusal(outcome, Status.data, ["fashion-mnist was not found in \(place); "])
    }
  }

  @Test func `a pipe is no image and is not waited for`() throws {
    let folder = try TemporaryFolder()
    try #require(mkfifo(folder["pipe.png"], 0o600) == 0)
    expectRefusal(
      try thresh(["predict", try TrainedRun.lenet.get().run, folder["pipe.png"]]), Status.data,
      ["not a plain file"])
  }

  @Test func `predict refuses what is no image`() throws {
    let run = try TrainedRun.lenet.get().run
    for path in [folder["nowhere.png"], folder.path, "/dev/zero"] {
      expectRefusal(try thresh(["predict", run, path]), Status.data)
    }
  }

  @Test(arguments: [("lenet5", 8), ("dec3", 2)])
  func `images that are too small for an architecture are refused`(model: String, side: Int) throws {
    let small = try TinyImages(training: 100, test: 20, side: side)
    let outcome = try thresh(["train", "--model", model, "--output", folder["run"]] + small.options)
    expectRefusal(outcome, Status.network, [model, "\(side)×\(side)"])
    #expect(!exists(folder["run"]))
  }

  @Test func `a model for other images than the data's is refused`() throws {
    let run = try TrainedRun.lenet.get().run
    let large = try TinyImages(training: 100, test: 20, side: 32)
    for arguments in [
      ["evaluate", run], ["compress", run, "--output", folder["small.safetensors"]],
      ["train", "--model", run, "--output", folder["run"]],
    ] {
      expectRefusal(try thresh(arguments + large.options), Status.network, ["[1, 28, 28]", "[1, 32, 32]"])
    }
    #expect(folder.contents().isEmpty)
  }

  @Test func `a share of the images that leaves none is refused`() throws {
    let data = try TinyImages.shared.get().options
    let outcome = try thresh(
      ["train", "--model", "lenet5", "--validation", "0.001", "--output", folder["run"]] + data)
    expectRefusal(outcome, Status.data, ["validation"])
  }
}
