import Foundation
import Testing

/// The kernels that a command computes by.
struct KernelsTests {
  @Test func `a word that names no kernels is refused in one sentence, and help is given all the same`() throws {
    let wrong = ["THRESH_KERNELS": "fast"]
    expectRefusal(
      try thresh(["inspect", "lenet5"], environment: wrong), Status.recipe,
      ["THRESH_KERNELS is fast", "expected off, avx2 or avx512"])
    #expect(try thresh(["--help"], environment: wrong).status == 0)
    // Set to nothing is not set.
    #expect(try thresh(["inspect", "lenet5"], environment: ["THRESH_KERNELS": ""]).status == 0)
  }

  @Test(arguments: ["off", "avx2", "avx512"])
  func `by each kind the processor has, narrow networks train, are cut and used; others are refused`(
    kernels: String
  ) throws {
    let environment = ["THRESH_KERNELS": kernels]
    let data = try TinyImages.shared.get()
    let folder = try TemporaryFolder()
    // Its shortcuts read 4, 8 and 16 channels of every other pixel.
    let outcome = try thresh(
      ["train", "--model", "resnet18", "--width", "0.06", "--epochs", "1", "--batch-size", "16", "--lr", "0.01"]
        + ["--threads", "1", "--parameters", "0.8", "--output", folder["run"]] + data.options, environment: environment)
    guard outcome.status == 0 else {
      try #require(kernels != "off")
      return expectRefusal(outcome, Status.recipe, ["THRESH_KERNELS is \(kernels), but this processor has off"])
    }
    let result = try succeeding(
      ["evaluate", folder["run"], "--json", "--threads", "1"] + data.options, environment: environment
    ).json()
    #expect(result["images"] as? Int == 100)
  }
}
