import Foundation
import Reports
import Thresh

/// Predictions as a file, a row for each image: CSV or JSON by the file's ending.
struct PredictionFile {
  /// A row of the file.
  struct Row: Encodable {
    /// Where the image lies, or its place in the data set, counted from 0.
    var file: String?
    var index: Int?
    /// The class that the data set says; nil where it says none.
    var `class`: String?
    var predicted: String
    var probability: Double
    /// The classes behind the first, where more were asked for.
    var others: [Other]?
  }

  struct Other: Encodable {
    var predicted: String
    var probability: Double
  }

  let rows: [Row]

  /// - Parameter tellsClasses: whether the images have classes of their own.
  init(_ found: Predictions, of images: any ImageSource, classNames: [String], tellsClasses: Bool = true) {
    rows = found.candidates.enumerated().map { index, candidates in
      let file = images.path(at: index)
      let others = candidates.dropFirst().map { Other(predicted: classNames[$0.label], probability: $0.probability) }
      return Row(
        file: file, index: file == nil ? index : nil, class: tellsClasses ? classNames[found.labels[index]] : nil,
        predicted: candidates.first.map { classNames[$0.label] } ?? "",
        probability: candidates.first?.probability ?? .nan,
        others: others.isEmpty ? nil : others)
    }
  }

  /// Whether such a file may be written there.
  ///
  /// - Throws: `OutputError`.
  static func check(_ path: String, option: String) throws {
    guard ["csv", "json"].contains(URL(filePath: path).pathExtension.lowercased()) else {
      throw OutputError("\(path) says no kind of file; give \(option) a name that ends in .csv or .json")
    }
    try AtomicOutput.check(path)
  }

  func write(to path: String) throws {
    let isJSON = URL(filePath: path).pathExtension.lowercased() == "json"
    try AtomicOutput.write(isJSON ? try ReadableJSON.text(rows) + "\n" : csv, to: URL(filePath: path))
  }

  /// The rows as RFC 4180 has them, with a header.
  private var csv: String {
    let places = 1..<(1 + (rows.compactMap(\.others?.count).max() ?? 0))
    let first =
      [rows.contains { $0.file != nil } ? "file" : "index"] + (rows.contains { $0.class != nil } ? ["class"] : [])
    let header =
      first + ["predicted", "probability"] + places.flatMap { ["predicted_\($0 + 1)", "probability_\($0 + 1)"] }
    let lines = rows.map { row -> [String] in
      let start = [row.file ?? row.index.map(String.init) ?? ""] + (row.class.map { [$0] } ?? [])
      let others = (row.others ?? []).flatMap { [$0.predicted, "\($0.probability)"] }
      return start + [row.predicted, "\(row.probability)"] + others
    }
    return ([header] + lines).map { $0.map(Self.quoted).joined(separator: ",") + "\r\n" }.joined()
  }

  private static func quoted(_ cell: String) -> String {
    guard cell.unicodeScalars.contains(where: { "\",\r\n".unicodeScalars.contains($0) }) else { return cell }
    return "\"" + cell.replacing("\"", with: "\"\"") + "\""
  }
}
