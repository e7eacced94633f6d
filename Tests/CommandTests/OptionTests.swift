import Foundation
import Testing

/// Options that make no sense: each is named, with what was expected.
struct OptionTests {
  @Test(arguments: [
    (["--lr", "nan"], "--lr is nan"), (["--lr", "0"], "--lr"), (["--lr", "inf"], "--lr"),
    (["--energy", "1.5"], "--energy is 1.5"), (["--energy", "nan"], "--energy"),
    (["--parameters", "0"], "--parameters"), (["--macs", "2"], "--macs"),
    (["--parameters", "0.5", "--macs", "2"], "--macs is 2"), (["--batch-size", "0"], "--batch-size"),
    (["--epochs=-1"], "--epochs is -1"), (["--momentum", "1"], "--momentum"), (["--validation", "1"], "--validation"),
    (["--nuclear=-1"], "--nuclear"), (["--group", "inf"], "--group"), (["--threads", "0"], "--threads"),
    (["--min-rank", "0"], "--min-rank"), (["--min-units", "0"], "--min-units"), (["--crop=-1"], "--crop is -1"),
    (["--crop-area", "0", "--crop", "resized"], "--crop-area is 0"), (["--crop-area", "0.3"], "--crop resized"),
    (["--color-jitter=-1"], "--color-jitter"), (["--rand-augment", "2,31"], "--rand-augment is 2,31"),
    (["--random-erasing", "1.5"], "--random-erasing"), (["--mixup", "nan"], "--mixup"),
    (["--cutmix=-1"], "--cutmix"),
    (["--label-smoothing", "1"], "--label-smoothing"), (["--warmup-epochs", "nan"], "--warmup-epochs"),
    (["--strength-warmup=-2"], "--strength-warmup"), (["--weight-decay", "nan"], "--weight-decay"),
    (["--checkpoint-every=-1"], "--checkpoint-every"), (["--image-size", "0"], "--image-size"),
    (["--distillation", "2"], "--distillation is 2"), (["--temperature", "0"], "--temperature"),
    (["--teacher", "run"], "--teacher is given"), (["--device", "gpu"], "--device is gpu"),
    (["--device", "cuda:99"], "found only cpu"), (["--decompose", "--weights", "w"], "cannot start from --weights"),
    (["--sparsity", "nan"], "--sparsity"), (["--sparsity", "0.5", "--group", "0"], "--group is 0"),
    (["--time", "2"], "--time is 2"), (["--time", "0.5", "--macs", "0.5"], "--parameters or --macs is given too"),
    (["--time", "0.5", "--time-batch-size", "0"], "--time-batch-size is 0"),
    (["--skip", "fc4"], "did you mean fc1?"), (["--automatic-strength"], "--parameters or --macs"),
    (["--distillation", "0.5"], "--finetune-epochs"), (["--clip-norm=-1"], "--clip-norm is -1"),
    (["--clip-norm", "nan"], "--clip-norm"), (["--ema", "1"], "--ema is 1"), (["--ema", "0.9"], "--finetune-epochs"),
    (["--patience", "2"], "--finetune-epochs"), (["--patience", "0"], "--patience is 0"),
    (["--patience", "2", "--validation", "0"], "--validation above 0"),
    (["--class-weights", "1,2"], "--class-weights has 2 numbers, but the data has 10 classes"),
    (["--class-weights", "1,0"], "--class-weights has 0.0"), (["--class-weights", "heavy"], "no readable file"),
    (["--workers", "0"], "--workers is 0"), (["--test-share", "0"], "--test-share is 0"),
    (["--accumulate", "0"], "--accumulate is 0"), (["--cycles", "3"], "--schedule cosine-restarts"),
    (["--cycles", "0", "--schedule", "cosine-restarts"], "--cycles is 0"),
  ])
  func `a value without sense is refused before anything is written`(options: [String], words: String) throws {
    let folder = try TemporaryFolder()
    let outcome = try thresh(
      ["train", "--model", "lenet5"] + options + (try TinyImages.shared.get().options) + ["--output", folder["run"]])
    expectRefusal(outcome, Status.recipe, [words])
    #expect(!exists(folder["run"]))
  }

  @Test(arguments: [
    (["--steer"], "--automatic-strength"), (["--no-steer"], "--no-automatic-strength"),
    (["--scheme", "any"], "--decomposition"), (["--scheme=any"], "--decomposition"),
    (["--basis", "responses"], "--basis activations"), (["--units=silent"], "--units zero"),
  ])
  func `an option of the last version is refused with its new spelling`(options: [String], words: String) throws {
    expectRefusal(try thresh(["train", "--output", "x"] + options), Status.usage, ["is called \(words) now"])
  }

  @Test(arguments: [("--flops", "--macs, the fraction"), ("--params=0.5", "--parameters"), ("--dataset", "--data?")])
  func `an option of other programs gets its name here`(option: String, words: String) throws {
    expectRefusal(
      try thresh(["compress", "x", option, "0.5", "--output", "y"]), Status.usage, ["did you mean \(words)"])
  }

  @Test(arguments: [["--macs", "50%"], ["--macs=50%"], ["--macs", "50", "%"], ["--macs", "50 %"]])
  func `a fraction may be given in percent`(option: [String]) throws {
    let run = try TrainedRun.lenet.get().run
    let plan = ["plan", run, "--json", "--basis", "weights"]
    #expect(try succeeding(plan + option).output == succeeding(plan + ["--macs", "0.5"]).output)
    expectRefusal(try thresh(plan + ["--macs", "200%"]), Status.recipe, ["--macs is 2.0"])
    expectRefusal(try thresh(plan + ["--min-rank", "50%"]), Status.usage, ["50%"])
  }

  @Test func `a wrong value ends in one full stop less`() throws {
    let outcome = try thresh(["export", "x", "--to", "tflite", "--output", "y"])
    expectRefusal(outcome, Status.usage, ["'coreml'; see thresh export --help"])
  }

  @Test func `help says the values of an option once`() throws {
    let help = try succeeding(["train", "--help"]).output
    #expect(help.contains("(values: sgd, adamw)") && !help.contains("sgd or adamw"))
  }

  @Test(arguments: [
    ["train", "--epochs", "many", "--output", "x"], ["train", "--epochs", "-1", "--output", "x"], ["train"],
    ["train", "--modle", "dec3", "--output", "x"], ["sift"], ["evaluate"], ["predict", "only-a-model"],
    ["train", "--proximal-every", "0", "--output", "x"], ["train", "--rand-augment", "two", "--output", "x"],
    ["train", "--crop", "some", "--output", "x"], ["train", "--precision", "float8", "--output", "x"],
  ])
  func `a wrong command line is one sentence that names the help`(arguments: [String]) throws {
    expectRefusal(try thresh(arguments), Status.usage, ["--help"])
  }

  @Test func `a slip in the name of a model or a data set gets the nearest name`() throws {
    let folder = try TemporaryFolder()
    let data = try TinyImages.shared.get().options
    expectRefusal(
      try thresh(["train", "--model", "lenet6", "--output", folder["run"]] + data), Status.network,
      ["did you mean lenet5?"])
    expectRefusal(try thresh(["inspect", "resnet21"]), Status.network, ["did you mean resnet20?"])
    expectRefusal(
      try thresh(["train", "--data", "glyfs", "--output", folder["run"]]), Status.data, ["did you mean glyphs?"])
    #expect(!exists(folder["run"]))
  }

  @Test(arguments: [("no-such-file", "no-such-file"), ("resnet20", "is an architecture")])
  func `a teacher that is no trained model is refused before anything is written`(word: String, says: String) throws {
    let folder = try TemporaryFolder()
    let options = ["train", "--model", "lenet5", "--distillation", "0.5", "--teacher", word, "--output", folder["run"]]
    expectRefusal(try thresh(options + (try TinyImages.shared.get().options)), Status.network, [says])
    #expect(!exists(folder["run"]))
  }

  @Test func `evaluate without data says what is missing`() throws {
    expectRefusal(try thresh(["evaluate", "lenet5"]), Status.recipe, ["--data"])
  }

  @Test func `what needs images says so when there are none`() throws {
    let run = try TrainedRun.lenet.get()
    let output = run.folder["unwritten.safetensors"]
    for option in [["--finetune-epochs", "2"], ["--recalibrate"], ["--basis", "activations"]] {
      expectRefusal(try thresh(["compress", run.run, "--output", output] + option), Status.recipe, ["--data"])
    }
    #expect(!exists(output))
  }

  @Test func `without images it is told that they would decide better`() throws {
    let run = try TrainedRun.lenet.get()
    let folder = try TemporaryFolder()
    let options = ["compress", run.run, "--parameters", "0.5", "--output", folder["small.safetensors"]]
    #expect(try succeeding(options).errors.contains("without images (--data or --images) the plan goes by the weights"))
    #expect(try !succeeding(options + ["--basis", "weights"]).errors.contains("without --data"))
  }

  @Test func `a size that cannot be reached says which can`() throws {
    let run = try TrainedRun.lenet.get()
    let output = run.folder["unreachable.safetensors"]
    expectRefusal(
      try thresh(["compress", run.run, "--parameters", "0.0001", "--output", output]), Status.plan)
    #expect(!exists(output))
  }

  @Test func `an architecture is decomposed but for the layers that are skipped`() throws {
    let folder = try TemporaryFolder()
    let options = ["--decompose", "--skip", "conv1", "--epochs", "0", "--threads", "1"]
    try succeeding(
      ["train", "--model", "lenet5"] + options + (try TinyImages.shared.get().options) + ["--output", folder["run"]])
    let described = try succeeding(["inspect", folder["run"], "--json"]).output
    #expect(described.contains("conv1\"") && described.contains("conv2_v\"") && described.contains("conv2_h\""))
    let recipe = try String(contentsOf: URL(filePath: folder["run/recipe.yaml"]), encoding: .utf8)
    #expect(recipe.contains("decompose: true"))
  }

  @Test func `a trained network is not decomposed`() throws {
    let folder = try TemporaryFolder()
    let trained = try TrainedRun.lenet.get().run
    expectRefusal(
      try thresh(
        ["train", "--model", trained, "--decompose"] + (try TinyImages.shared.get().options)
          + ["--output", folder["run"]]), Status.recipe, ["--decompose", "name an architecture"])
    #expect(!exists(folder["run"]))
  }

  @Test func `a finished network teaches what is cut from it, one trained to be small does not, unless asked`() throws {
    let folder = try TemporaryFolder()
    func compress(_ run: TrainedRun, _ model: String, _ options: [String] = []) throws -> Bool {
      // At the rate that the network was trained at, rounding decides whether the loss becomes NaN.
      let tuned = ["--finetune-epochs", "1", "--lr", "0.005", "--threads", "1"]
      let arguments = ["compress", model, "--energy", "0.8"] + tuned + run.data.options + options
      return try succeeding(arguments + ["--output", folder["c.safetensors"]]).errors.contains("teacher: ")
    }
    let (lenet, dec3) = (try TrainedRun.lenet.get(), try TrainedRun.dec3.get())
    #expect(try compress(lenet, lenet.run))
    #expect(try !compress(lenet, lenet.run, ["--distillation", "0"]))
    #expect(try !compress(dec3, dec3.run + "/last.safetensors"))
  }

  @Test func `a trained network is not thinned`() throws {
    let folder = try TemporaryFolder()
    expectRefusal(
      try thresh(
        ["train", "--model", try TrainedRun.lenet.get().run, "--width", "0.5"] + (try TinyImages.shared.get().options)
          + ["--output", folder["run"]]), Status.recipe, ["--width", "leave it out"])
  }

  @Test func `a run to go on with has to be there, unless it is said what to train`() throws {
    let folder = try TemporaryFolder()
    expectRefusal(
      try thresh(["train", "--resume", "--output", folder["nowhere"]]), Status.recipe, ["holds no run to continue"])
    #expect(!exists(folder["nowhere"]))
  }

  @Test func `threads of a comparison are checked without images too`() throws {
    let run = try TrainedRun.lenet.get().run
    expectRefusal(try thresh(["verify", run, run, "--threads", "0"]), Status.recipe, ["--threads is 0"])
  }

  @Test func `a network that no training was done on has the start's models in its folder`() throws {
    let folder = try TemporaryFolder()
    let outcome = try thresh(
      ["train", "--model", "lenet5", "--epochs", "0", "--nuclear", "0", "--group", "0", "--threads", "1"]
        + (try TinyImages.shared.get().options) + ["--output", folder["run"]])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(exists(folder["run/best.safetensors"]) && exists(folder["run/last.safetensors"]))
  }
}
