import Compaction
import Testing

@testable import Training

/// Ranges of networks of 8 bits from a data set.
@Suite struct QuantizationTests {
  @Test func `the way that changes held-out outputs least is taken, of those that were asked for`() throws {
    let data = drawnData()
    var quantization = Quantization()
    quantization.images = 64
    let model = try model(smallNetwork(), of: data)
    let quantized = try quantization.quantize(model, on: data)
    #expect(quantized.trials.map(\.ranges).prefix(4) == RangeEstimator.allCases[...])
    #expect(quantized.trials.count == 4)
    #expect(quantized.trials.allSatisfy { $0.divergence >= quantized.best.divergence })
    #expect(quantized.images == 64 && quantized.stages.map(\.name) == ["dense", "quantized"])
    quantization.settings.ranges = .percentile
    #expect(try quantization.quantize(model, on: data).trials.allSatisfy { $0.ranges == .percentile })
  }

  @Test func `too few images, and a network that is quantised, are refused`() throws {
    let data = drawnData()
    let model = try model(smallNetwork(), of: data)
    var quantization = Quantization()
    quantization.images = 9
    #expect { try quantization.quantize(model, on: data) } throws: { "\($0)".contains("on 9 images, expected 10") }
    quantization.images = 16
    let quantized = try quantization.quantize(model, on: data).model
    #expect { try quantization.quantize(quantized, on: data) } throws: { "\($0)".contains("quantised already") }
  }
}
