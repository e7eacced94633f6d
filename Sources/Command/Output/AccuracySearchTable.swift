import Reports
import Thresh

extension AccuracySearch {
  /// Every size that was tried, the largest first.
  func table(_ points: [Point]) -> String {
    var table = TextTable([
      .number(currency.words), .number("parameters", leaving: 2), .number("MACs", leaving: 1), .number("held out"),
      .number("lost"), .number("at most"), .text(""),
    ])
    for point in points.sorted(by: { $0.fraction > $1.fraction }) {
      table.append(
        [
          point.fraction.formattedPercent(decimals: 1), point.parameters?.formattedCount ?? "–",
          point.macs?.formattedCount ?? "–",
          point.score?.inSixDigits
            ?? point.accuracy?.top1.map { ($0 / 100).formattedPercent(decimals: 2) } ?? "not reached",
          point.drop?.points.formatted(decimals: 2) ?? "–", point.drop?.bound.formatted(decimals: 2) ?? "–",
          loses(point) ? "too much" : "",
        ], tones: loses(point) ? [6: .worse] : [:])
    }
    return table.text(Console.output, all: "--json")
  }
}
