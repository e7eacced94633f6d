import Datasets

/// What a training sees of its data, as far as it decides what a label means and which images are held out.
struct DataSummary: Codable, Equatable {
  var classNames: [String]
  /// How many images of each class are trained on, and how many of each are held out.
  var training: [Int]
  var heldOut: [Int]

  init(_ data: Dataset) {
    classNames = data.classNames
    training = Self.counts(data.train)
    heldOut = data.validation.map(Self.counts) ?? []
  }

  private static func counts(_ images: any ImageSource) -> [Int] {
    var counts: [Int] = []
    for index in 0..<images.count {
      let label = images.label(at: index)
      if label >= counts.count { counts += Array(repeating: 0, count: label + 1 - counts.count) }
      counts[label] += 1
    }
    return counts
  }

  /// How `other` differs from what a run began with, as part of a sentence; nil where it does not.
  func difference(from other: DataSummary) -> String? {
    guard classNames == other.classNames else {
      let (mine, theirs) = (Set(classNames), Set(other.classNames))
      let (gone, new) = (mine.subtracting(theirs), theirs.subtracting(mine))
      if gone.isEmpty, new.isEmpty { return "its classes in another order" }
      let parts = [gone.isEmpty ? nil : "without \(Self.list(gone))", new.isEmpty ? nil : "with \(Self.list(new))"]
      return "other classes than it began with, " + parts.compactMap(\.self).joined(separator: " and ")
    }
    guard training != other.training || heldOut != other.heldOut else { return nil }
    return "other images than it began with, \(other.sizes) instead of \(sizes)"
  }

  private var sizes: String { "\(training.reduce(0, +)) to train on and \(heldOut.reduce(0, +)) held out" }

  private static func list(_ names: Set<String>) -> String {
    names.sorted().prefix(5).joined(separator: ", ") + (names.count > 5 ? " and \(names.count - 5) more" : "")
  }
}
