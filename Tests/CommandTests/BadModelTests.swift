import Foundation
import Testing

/// Model files and weights that are damaged or made to do harm.
struct BadModelTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func inspect(_ bytes: [UInt8]) throws -> Outcome {
    try thresh(["inspect", try folder.write(bytes, "model.safetensors")])
  }

  /// Files that are no safetensors, or contradict themselves.
  static let damages: [(name: String, bytes: [UInt8])] = [
    ("empty", []), ("three bytes", [1, 2, 3]),
    ("a header of 2^63 bytes", rawSafetensors(Data("{}".utf8), length: 1 << 63)),
    ("a header longer than the file", rawSafetensors(Data("{}".utf8), length: 1000)),
    ("100,000 braces", rawSafetensors(Data(String(repeating: "{\"a\":", count: 100_000).utf8))),
    ("100,000 brackets", rawSafetensors(Data(("{\"a\":" + String(repeating: "[", count: 100_000)).utf8))),
    ("a NaN in a shape", tensor("[NaN]", "[0,4]")), ("a negative shape", tensor("[-1]", "[0,4]")),
    ("a shape that overflows", tensor("[9223372036854775807,4]", "[0,4]")),
    ("an empty shape of large axes", tensor("[0,4611686018427387904,4611686018427387904]", "[0,0]", 0)),
    ("offsets beyond the end", tensor("[1]", "[4,8]")), ("reversed offsets", tensor("[1]", "[4,0]")),
    ("the wrong number of bytes", tensor("[2]", "[0,4]")),
    (
      "overlapping tensors",
      rawSafetensors(
        Data(
          #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}"#
            .utf8), Data(count: 6))
    ),
    ("weights without an architecture", tensor("[1]", "[0,4]")),
  ]

  static func tensor(_ shape: String, _ offsets: String, _ count: Int = 4) -> [UInt8] {
    rawSafetensors(
      Data(#"{"a":{"dtype":"F32","shape":\#(shape),"data_offsets":\#(offsets)}}"#.utf8), Data(count: count))
  }

  @Test(arguments: damages.indices)
  func `a file that contradicts itself is refused`(_ number: Int) throws {
    expectRefusal(try inspect(Self.damages[number].bytes), Status.file, ["model.safetensors"])
  }

  @Test func `a model file that was cut is refused`() throws {
    let whole = [UInt8](try contents(of: try TrainedRun.lenet.get().run + "/last.safetensors"))
    for count in [whole.count - 1, whole.count / 2, 2000, 100] {
      expectRefusal(try inspect(Array(whole.prefix(count))), Status.file, ["model.safetensors"])
    }
  }

  typealias Damage = (name: String, body: @Sendable (inout ModelFile) -> Void)

  private static func geometry(_ node: inout [String: Any], _ changes: [String: Any]) {
    node["convolution"] = [
      "geometry": ["dilation": [1, 1], "groups": 1, "padding": [2, 2], "stride": [1, 1]]
        .merging(changes) { $1 }
    ]
  }

  private static func metadata(_ key: String, _ value: String) -> @Sendable (inout ModelFile) -> Void {
    { $0.metadata[key] = value }
  }

  private static func preprocessing(_ text: String) -> @Sendable (inout ModelFile) -> Void {
    metadata("preprocessing", text)
  }

  static let hostileModels: [Damage] = [
    ("no architecture", { $0.metadata["architecture"] = nil }),
    ("no preprocessing", { $0.metadata["preprocessing"] = nil }),
    ("another version", metadata("thresh", "2")),
    ("architecture that is no JSON", metadata("architecture", "{\"nodes\":")),
    ("architecture nested 100,000 times", metadata("architecture", String(repeating: "{\"a\":", count: 100_000))),
    ("no nodes", { $0.architecture["nodes"] = [] as [Any] }),
    ("an output that no node makes", { $0.architecture["output"] = "nothing" }),
    ("the input as output", { $0.architecture["output"] = "input" }),
    ("an input of four axes", { $0.architecture["inputShape"] = [1, 1, 28, 28] }),
    ("a negative input", { $0.architecture["inputShape"] = [1, -28, 28] }),
    ("an input of 2^62 pixels", { $0.architecture["inputShape"] = [1, 1 << 62, 28] }),
    (
      "an unknown operation",
      {
        $0.change("conv1") {
          $0["convolution"] = nil; $0["shell"] = ["run": "rm"]
        }
      }
    ),
    ("two operations", { $0.change("conv1") { $0["flatten"] = [:] as [String: Any] } }),
    ("a node that reads itself", { $0.change("conv1") { $0["inputs"] = ["conv1"] } }),
    ("a node that reads a later one", { $0.change("conv1") { $0["inputs"] = ["fc1"] } }),
    ("a node that reads nothing", { $0.change("conv1") { $0["inputs"] = [] as [String] } }),
    ("a node that reads two values", { $0.change("fc1") { $0["inputs"] = ["flatten5", "flatten5"] } }),
    ("two nodes of one name", { $0.change("conv2") { $0["name"] = "conv1" } }),
    ("a node called input", { $0.change("conv2") { $0["name"] = "input" } }),
    ("a parameter that is missing", { $0.change("conv1") { $0["parameters"] = ["weight": "none"] } }),
    ("a weight of another shape", { $0.change("conv1") { $0["parameters"] = ["weight": "fc1.weight"] } }),
    ("no weight at all", { $0.change("fc1") { $0["parameters"] = [:] as [String: String] } }),
    ("a stride of zero", { $0.change("conv1") { geometry(&$0, ["stride": [0, 0]]) } }),
    ("a negative stride", { $0.change("conv1") { geometry(&$0, ["stride": [-1, 1]]) } }),
    ("a stride of one number", { $0.change("conv1") { geometry(&$0, ["stride": [1]]) } }),
    ("a giant stride", { $0.change("conv1") { geometry(&$0, ["stride": [Int.max, 1]]) } }),
    ("a giant padding", { $0.change("conv1") { geometry(&$0, ["padding": [Int.max, 0]]) } }),
    ("paddings that make it too large", { $0.change("conv1") { geometry(&$0, ["padding": [1 << 20, 1 << 20]]) } }),
    ("a negative padding", { $0.change("conv1") { geometry(&$0, ["padding": [-1, 0]]) } }),
    ("a giant dilation", { $0.change("conv1") { geometry(&$0, ["dilation": [Int.max, 1]]) } }),
    ("no groups", { $0.change("conv1") { geometry(&$0, ["groups": 0]) } }),
    ("giant groups", { $0.change("conv1") { geometry(&$0, ["groups": Int.max]) } }),
    ("negative groups", { $0.change("conv1") { geometry(&$0, ["groups": -1]) } }),
    (
      "a window of nothing",
      {
        $0.change("pooling2") {
          $0["pooling"] = [
            "max": [
              "_0": [
                "ceilMode": false, "countIncludePad": true, "kernel": [0, 0], "padding": [0, 0], "stride": [0, 0],
              ]
            ]
          ]
        }
      }
    ),
    (
      "a reshape that overflows",
      {
        $0.change("flatten5") {
          $0["flatten"] = nil; $0["reshape"] = ["shape": [1 << 40, 1 << 40]]
        }
      }
    ),
    (
      "a reshape to minus one",
      {
        $0.change("flatten5") {
          $0["flatten"] = nil; $0["reshape"] = ["shape": [-1, -400]]
        }
      }
    ),
    (
      "a pad beyond all numbers",
      {
        $0.change("flatten5") {
          $0["flatten"] = nil; $0["pad"] = ["axis": 0, "before": Int.max, "after": Int.max]
        }
      }
    ),
    (
      "a slice out of range",
      {
        $0.change("flatten5") {
          $0["flatten"] = nil; $0["slice"] = ["axis": 9, "start": -5, "step": 0]
        }
      }
    ),
    ("a number where a list belongs", { $0.architecture["nodes"] = 5 }),
    (
      "a standard deviation of zero",
      preprocessing(#"{"channelOrder":"grey","height":28,"mean":[0],"std":[0],"width":28}"#)
    ),
    (
      "a standard deviation beyond Float",
      preprocessing(#"{"channelOrder":"grey","height":28,"mean":[0],"std":[1e60],"width":28}"#)
    ),
    (
      "a mean beyond all numbers",
      preprocessing(#"{"channelOrder":"grey","height":28,"mean":[1e999],"std":[1],"width":28}"#)
    ),
    (
      "three means for grey images",
      preprocessing(#"{"channelOrder":"grey","height":28,"mean":[0,0,0],"std":[1,1,1],"width":28}"#)
    ),
    (
      "preprocessing for other images",
      preprocessing(#"{"channelOrder":"RGB","height":28,"mean":[0,0,0],"std":[1,1,1],"width":28}"#)
    ),
    (
      "an unknown order of channels",
      preprocessing(#"{"channelOrder":"BGR","height":28,"mean":[0],"std":[1],"width":28}"#)
    ),
    ("classes that are no list", metadata("classes", "5")),
  ]

  @Test(arguments: hostileModels.indices)
  func `a model file whose description does not hold is refused`(_ number: Int) throws {
    let (name, damage) = Self.hostileModels[number]
    var file = try ModelFile(try TrainedRun.lenet.get().run + "/last.safetensors")
    damage(&file)
    let outcome = try inspect(try file.bytes())
    #expect(outcome.status != 0, "\(name) was taken")
    expectRefusal(outcome, Status.file, ["model.safetensors"])
  }

  @Test func `figures beyond what an Int holds are shown`() throws {
    var file = try ModelFile(try TrainedRun.lenet.get().run + "/last.safetensors")
    file.metadata["figures"] = #"{"top1":1e300,"macs":-3}"#
    let outcome = try inspect(try file.bytes())
    #expect(outcome.status == 0 && outcome.output.contains("top1 1e+300"), "\(outcome)")
  }

  @Test func `weights of NaN are told by every command that uses them`() throws {
    let run = try TrainedRun.lenet.get()
    var file = try ModelFile(run.run + "/last.safetensors")
    file.body = Data(repeating: 0xFF, count: file.body.count)
    let path = try folder.write(try file.bytes(), "nan.safetensors")
    let data = run.data.options + ["--threads", "1"]
    for arguments in [
      ["inspect", path], ["evaluate", path, "--json"] + data, ["evaluate", path] + data,
      ["predict", path, photograph("tiny.png")], ["predict", path, photograph("tiny.png"), "--json"],
    ] {
      expectRefusal(try thresh(arguments), Status.file, ["conv1.weight holds numbers that are not finite"])
    }
    let outcome = try thresh(["compress", path, "--output", folder["small.safetensors"]])
    #expect(outcome.errorLines.count == 1 && !outcome.wasKilled && outcome.status > 1, "\(outcome)")
    #expect(!exists(folder["small.safetensors"]))
  }

  @Test func `a model of images that are no square is evaluated but not asked about photographs`() throws {
    let (images, labels) = TinyImages.drawn(100, side: 28)
    for prefix in ["train", "t10k"] {
      try folder.write(idx([100, 14, 56], images), "fashion-mnist/\(prefix)-images-idx3-ubyte")
      try folder.write(idx([100], labels), "fashion-mnist/\(prefix)-labels-idx1-ubyte")
    }
    let data = ["--data", "fashion-mnist", "--data-dir", folder.path, "--threads", "1"]
    try succeeding(["train", "--model", "dec3", "--epochs", "1", "--output", folder["run"]] + data)
    try succeeding(["evaluate", folder["run"]] + data)
    expectRefusal(try thresh(["predict", folder["run"], photograph("tiny.png")]), Status.network, ["14×56"])
  }

  @Test func `a hostile way of cutting photographs is refused`() throws {
    for resize in ["-5", "4000000000000", "1"] {
      var file = try ModelFile(try TrainedRun.lenet.get().run + "/last.safetensors")
      file.metadata["preprocessing"] =
        #"{"channelOrder":"grey","height":28,"mean":[0],"resize":\#(resize),"std":[1],"width":28}"#
      let path = try folder.write(try file.bytes(), "model.safetensors")
      let outcome = try thresh(["predict", path, photograph("tiny.png")])
      #expect(!outcome.wasKilled && outcome.status > 1 && outcome.errorLines.count == 1, "\(outcome)")
    }
  }

  @Test func `a recipe in a model file is checked like any other`() throws {
    for recipe in ["epochs: [", "sbeed: 5", "lr: -1", "x: " + String(repeating: "[", count: 10_000)] {
      var file = try ModelFile(try TrainedRun.lenet.get().run + "/last.safetensors")
      file.metadata["recipe"] = recipe
      let path = try folder.write(try file.bytes(), "model.safetensors")
      let outcome = try thresh(["compress", path, "--output", folder["small.safetensors"]])
      expectRefusal(outcome, Status.recipe)
      #expect(!exists(folder["small.safetensors"]))
    }
  }

  @Test func `weights that do not fit an architecture are told all at once`() throws {
    let header =
      #"{"conv1.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"odd":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#
    let path = try folder.write(rawSafetensors(Data(header.utf8), Data(count: 12)), "weights.safetensors")
    let outcome = try thresh(["inspect", "lenet5", "--weights", path])
    expectRefusal(
      outcome, Status.file,
      ["missing: conv1.bias, conv2.bias", "unexpected: odd", "misshapen: conv1.weight is [2], expected [6, 1, 5, 5]"])
  }

  @Test func `weights beside a file that has its own are refused`() throws {
    let run = try TrainedRun.lenet.get().run
    expectRefusal(try thresh(["inspect", run, "--weights", run + "/last.safetensors"]), Status.network, ["--weights"])
  }

  @Test func `a folder without a model says what was expected`() throws {
    expectRefusal(try thresh(["inspect", folder.path]), Status.network, ["last.safetensors"])
  }
}
