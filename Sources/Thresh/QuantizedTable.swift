import Compaction
import Reports
import Training

extension Quantized: CustomStringConvertible {
  /// Every layer with its errors, how ranges follow, and what the network reached before and after, as a table.
  public var description: String {
    var table = TextTable([.text("layer"), .text("weight"), .text("becomes"), .number("signal to noise")])
    for layer in layers {
      table.append([
        layer.name, layer.shape.map(String.init).joined(separator: "×"),
        layer.floatReason.map { "float32: \($0)" } ?? "int8", "\(layer.signalToNoise.formatted(decimals: 1)) dB",
      ])
    }
    func name(_ trial: Trial) -> String { trial.ranges.rawValue + (trial.isEqualized ? ", equalised" : "") }
    let ways = trials.map { "  \(name($0)) \($0.divergence.formatted(decimals: 5))" }
    let chosen = "ranges of \(images) images by \(name(best)); divergence of the held-out outputs:"
    return ([table.text(), chosen] + ways + stages.map(line)).joined(separator: "\n")
  }

  private func line(_ stage: CompressionStage) -> String {
    let name = stage.name.padding(toLength: 13, withPad: " ", startingAt: 0)
    let top1 = (stage.accuracy.top1 / 100).formattedPercent(decimals: 2)
    return "\(name) top-1 \(top1) of \(stage.accuracy.images) held-out images"
  }
}
