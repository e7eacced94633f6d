import Foundation
import Testing

/// The folder of data sets, where there is one.
private let dataFolder = ProcessInfo.processInfo.environment["THRESH_DATA", default: ""]

@Suite(.enabled(if: dataFolder != "", "THRESH_DATA is not set"))
struct GivenWeightsTests {
  // The other depths take as long again each; their accuracy is checked by hand and told in the README.
  @Test func `resnet20 with the pretrained weights has 91.73 percent on CIFAR-10`() throws {
    let result = try Program(
      ["evaluate", "resnet20", "--weights", dataFolder + "/weights/resnet20-cifar10.safetensors"]
        + ["--data", "cifar10", "--data-dir", dataFolder, "--json"],
      environment: ["OMP_NUM_THREADS": "2"]
    ).wait().json()
    #expect(abs(try #require(result["top1"] as? Double) - 91.73) < 0.05)
    #expect(result["images"] as? Int == 10_000)
  }
}
