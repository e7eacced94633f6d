import Architectures
import Compaction
import Containers
import Foundation
import Interchange
import Networks
import Testing
import Torch

@testable import Training

/// A valid model file with bytes changed at random places: it is read or refused, never more.
struct DamagedModelTests {
  @Test func `three hundred damaged model files are read or refused in a sentence`() throws {
    let folder = try TemporaryFolder()
    let data = drawnData(training: 4)
    let file = folder.url.appending(path: "model.safetensors")
    try model(smallNetwork(), of: data).write(to: file)
    let whole = [UInt8](try Data(contentsOf: file))
    let header = whole.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
    var random = Numbers(state: 20_17)
    var refused = 0
    for _ in 0..<300 {
      var damaged = whole
      switch random.next() % 4 {
      case 0: damaged.removeLast(1 + random.next() % (damaged.count - 1))
      case 1: damaged[random.next() % damaged.count] ^= UInt8(1 << (random.next() % 8))
      case 2: damaged[8 + random.next() % header] = UInt8(truncatingIfNeeded: 0x20 + random.next() % 95)
      default:
        // Digits for digits keep the JSON whole, so that what it says is what is wrong.
        let digits = (8..<8 + header).filter { (0x30...0x39).contains(damaged[$0]) }
        for _ in 0..<3 { damaged[digits[random.next() % digits.count]] = UInt8(0x30 + random.next() % 10) }
      }
      try Data(damaged).write(to: file)
      do {
        let network = try Model(contentsOf: file).network
        _ = try network.cost()
        _ = try network.layerMetrics(energy: 0.9, .sum)
        _ = try network.channelValues()
      } catch {
        #expect(error is ContainerError || error is NetworkError || error is TorchError, "\(error)")
        refused += 1
      }
    }
    #expect(refused > 150)
  }

  private struct Numbers {
    var state: UInt64
    mutating func next() -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33)
    }
  }
}
