import Testing

/// The size that photographs are resized to before the network's size is cut out of them.
struct ImageResizeTests {
  @Test func `a training keeps --image-resize in its model, and a later command may override it`() throws {
    let photographs = try TinyPhotographs(["red", "green"])
    let folder = try TemporaryFolder()
    func resize(_ file: String) throws -> String {
      try #require(try ModelFile(file).metadata["preprocessing"])
    }
    try succeeding(photographs.training(folder["run"]) + ["--epochs", "1", "--image-resize", "17"])
    #expect(try resize(folder["run/best.safetensors"]).contains(#""resize":17"#))
    let compress = ["compress", folder["run"], "--energy", "0.9", "--data", photographs.path, "--output"]
    try succeeding(compress + [folder["same.safetensors"]])
    #expect(try resize(folder["same.safetensors"]).contains(#""resize":17"#))
    try succeeding(compress + [folder["other.safetensors"], "--image-resize", "19"])
    #expect(try resize(folder["other.safetensors"]).contains(#""resize":19"#))
    expectRefusal(
      try thresh(compress + [folder["x.safetensors"], "--image-resize", "15"]), Status.data, ["at least the size"])
  }

  @Test func `images that all have the network's size are not resized, and asking for it is refused`() throws {
    let run = try TrainedRun.lenet.get()
    expectRefusal(
      try thresh(["evaluate", run.run, "--image-resize", "40"] + run.data.options), Status.recipe,
      ["--image-resize is 40", "leave it out"])
  }
}
