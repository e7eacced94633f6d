import Reports

/// How often images of a class are taken for each class.
public struct ConfusionMatrix: Sendable, Equatable {
  public let classNames: [String]
  /// By the images' own class, then by the class that was predicted.
  public let counts: [[Int]]

  public init(_ predictions: Predictions, classNames: [String]) {
    self.classNames = classNames
    var counts = Array(repeating: Array(repeating: 0, count: classNames.count), count: classNames.count)
    for (label, candidates) in zip(predictions.labels, predictions.candidates) {
      guard let best = candidates.first else { continue }
      counts[label][best.label] += 1
    }
    self.counts = counts
  }

  /// What the network makes of one class.
  public struct Row: Sendable, Equatable {
    public var name: String
    public var images: Int
    /// Percent of the images of the class that are recognised (recall); nil where it has none.
    public var accuracy: Double?
    /// Percent of the images taken for the class that belong to it; nil where none are.
    public var precision: Double?
    /// The class that its images are most often taken for by mistake, and how many are; nil without mistakes.
    public var confusedWith: String?
    public var confusions: Int
  }

  /// The classes in their order.
  public var rows: [Row] {
    counts.indices.map { label in
      let images = counts[label].reduce(0, +)
      let predicted = counts.map { $0[label] }.reduce(0, +)
      let correct = Double(counts[label][label])
      let wrong = counts[label].indices.filter { $0 != label && counts[label][$0] > 0 }
      let worst = wrong.min { (-counts[label][$0], $0) < (-counts[label][$1], $1) }
      return Row(
        name: classNames[label], images: images, accuracy: images == 0 ? nil : 100 * correct / Double(images),
        precision: predicted == 0 ? nil : 100 * correct / Double(predicted), confusedWith: worst.map { classNames[$0] },
        confusions: worst.map { counts[label][$0] } ?? 0)
    }
  }

  /// A table of the classes that have images, the one recognised worst first.
  package func table(_ style: TextStyle, all advice: String) -> String {
    var table = TextTable([
      .name("class"), .number("images", leaving: 1), .number("accuracy"), .number("precision", leaving: 2),
      .text("most often taken for"),
    ])
    let rows = rows.enumerated().filter { $0.element.images > 0 }
    func percent(_ value: Double?) -> String { value.map { ($0 / 100).formattedPercent(decimals: 1) } ?? "–" }
    for (_, row) in rows.sorted(by: { ($0.element.accuracy ?? 0, $0.offset) < ($1.element.accuracy ?? 0, $1.offset) }) {
      let confusion = row.confusedWith.map { "\($0) (\(row.confusions))" } ?? "–"
      let tone: [Int: TextStyle.Tone] = row.accuracy ?? 0 < 50 ? [2: .worse] : [:]
      table.append([row.name, "\(row.images)", percent(row.accuracy), percent(row.precision), confusion], tones: tone)
    }
    return table.text(style, all: advice)
  }

  /// A plot of the matrix: each row is a class, coloured by the share of its images.
  package func plot(title: String) -> HeatMap {
    let shares = counts.map { row -> [Double?] in
      let whole = row.reduce(0, +)
      return row.map { whole == 0 ? nil : Double($0) / Double(whole) }
    }
    return HeatMap(
      title: title, rows: HeatMap.Axis("class of the image", classNames),
      columns: HeatMap.Axis("predicted class", classNames), values: shares,
      words: counts.map { $0.map { $0 == 0 ? "" : "\($0)" } }, scale: .shares)
  }
}
