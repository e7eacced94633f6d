import Compaction
import Reports
import Training

extension Quantized: CustomStringConvertible {
  /// Every layer with its errors, how ranges follow, and what the network reached before and after, as a table.
  public var description: String { text(.plain) }

  /// The same in a style.
  package func text(_ style: TextStyle, all advice: String = "a wider terminal") -> String {
    var table = TextTable([
      .name("layer"), .text("weight", leaving: 1), .text("becomes"), .number("signal to noise"),
    ])
    for layer in layers {
      table.append(
        [
          layer.name, layer.shape.map(String.init).joined(separator: "×"),
          layer.floatReason.map { "float32: \($0)" } ?? "int8", "\(layer.signalToNoise.formatted(decimals: 1)) dB",
        ], tones: layer.floatReason == nil ? [:] : [2: .faint])
    }
    func name(_ trial: Trial) -> String { trial.ranges.rawValue + (trial.isEqualized ? ", equalised" : "") }
    let widest = trials.map { name($0).count }.max() ?? 0
    let ways = trials.map { "  \(name($0).padded(to: widest))  \($0.divergence.formatted(decimals: 5))" }
    let chosen = "ranges of \(images) images by \(name(best)); divergence of the held-out outputs:"
    let lines = ([chosen] + ways + stages.map(line)).map { $0.wrapped(to: style.width) }
    return ([table.text(style, all: advice)] + lines).joined(separator: "\n")
  }

  private func line(_ stage: CompressionStage) -> String {
    let name = stage.name.padded(to: 13)
    return "\(name) \(stage.accuracy.inWords()) of \(stage.accuracy.images) held-out images"
  }
}
