import Foundation
import Reports
import Training

extension Accuracy {
  /// In one word or two: `91.2 %` with labels, else `error 4.3 %`, of the output that is furthest from the original's.
  package var brief: String {
    if let top1 { return (top1 / 100).formattedPercent(decimals: 1) }
    guard let relativeError else { return "distance \(loss.formatted(decimals: 4))" }
    return "error \(relativeError.formattedPercent(decimals: 1))"
  }

  /// With more digits: `top-1 91.20 %`, else the largest error and its signal-to-noise ratio, and how often the class
  /// with the highest score is the same.
  package func inWords(_ style: TextStyle = .plain, _ tone: TextStyle.Tone? = nil) -> String {
    if let top1 { return "top-1 " + style((top1 / 100).formattedPercent(decimals: 2), tone) }
    guard let worst = outputs?.max(by: { ($0.relativeError ?? 0) < ($1.relativeError ?? 0) }),
      let error = worst.relativeError
    else { return "distance \(loss.formatted(decimals: 4))" }
    let place = outputs?.count == 1 ? "" : worst.name.map { " of \($0)" } ?? ""
    let agreements = (outputs ?? []).compactMap(\.agreement).min()
    return "error " + style(error.formattedPercent(decimals: 2), tone) + place
      + (worst.signalToNoise.map { " (\($0.formatted(decimals: 1)) dB)" } ?? "")
      + (agreements.map { ", same class \(($0 / 100).formattedPercent(decimals: 1))" } ?? "")
  }

  /// How near every output is to the original's, as a table; nil for images with labels.
  package func outputTable(_ style: TextStyle, all advice: String = "a wider terminal") -> String? {
    guard let outputs else { return nil }
    var table = TextTable([
      .name("output"), .number("error"), .number("signal to noise"), .number("same class"),
    ])
    for output in outputs {
      table.append([
        output.name ?? "output", output.relativeError.map { $0.formattedPercent(decimals: 2) } ?? "the same for all",
        output.signalToNoise.map { "\($0.formatted(decimals: 1)) dB" } ?? "–",
        output.agreement.map { ($0 / 100).formattedPercent(decimals: 1) } ?? "–",
      ])
    }
    return table.text(style, all: advice)
  }
}
