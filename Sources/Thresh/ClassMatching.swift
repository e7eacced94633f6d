import Datasets
import Interchange
import Networks

extension Model {
  /// Whether the file it was read from says what the classes are called.
  var namesClasses: Bool { classNames != classNames.indices.map { "class \($0)" } }
}

extension Dataset {
  /// The data set with its classes in the order of the model's, matched by name.
  ///
  /// Where one of the two only numbers its classes there is nothing to match: they are taken by position. `notes` say
  /// so.
  /// - Parameters:
  ///   - outputs: how many classes the model's network tells apart.
  ///   - allowsSubset: whether the data may have only some of the model's classes.
  /// - Throws: `NetworkError` when the classes are others.
  func matchingClasses(of model: Model, outputs: Int, allowsSubset: Bool) throws -> Dataset {
    let match = ClassMatch(model: model.classNames, data: classNames)
    if match.isSame { return self }
    if let labels = match.labels, match.missing.isEmpty {
      return relabelled(labels, classNames: model.classNames)
        .noting("classes are matched by name: \(name) has its classes in another order than the model")
    }
    guard model.namesClasses, namesClasses else { return try takenByPosition(model, outputs) }
    guard allowsSubset, let labels = match.labels else {
      throw NetworkError("\(name) has other classes than the model: \(match.difference); \(Self.advice)")
    }
    return relabelled(labels, classNames: model.classNames).noting(
      """
      \(name) has \(classNames.count) of the model's \(outputs) classes, matched by name; a prediction is correct if \
      its class is the best of all \(outputs)
      """)
  }

  /// What is left where names do not tell classes apart.
  private func takenByPosition(_ model: Model, _ outputs: Int) throws -> Dataset {
    guard outputs == classNames.count else {
      throw NetworkError(
        """
        the model has \(outputs) classes, but \(name) has \(classNames.count) classes; training can put a new \
        classifier on it (`new-head`)
        """)
    }
    let (nameless, names) = model.namesClasses ? (name, model.classNames) : ("the model", classNames)
    var result = noting("\(nameless) does not name its classes; they are taken in this order: \(names.shortList)")
    if model.namesClasses { result.classNames = names }
    return result
  }

  private static let advice =
    "give the folders the model's names, or let training put a new classifier on it (`new-head`)"

  private func noting(_ note: String) -> Dataset {
    var result = self
    result.notes.append(note)
    return result
  }
}

/// How the classes of a data set are found among a model's.
struct ClassMatch {
  /// The model's label of every class of the data; nil where a name is unknown, or the same for two classes.
  private(set) var labels: [Int]?
  /// Names that only the model has.
  private(set) var missing: [String] = []
  /// Names that only the data has.
  private(set) var unknown: [String] = []
  /// A name that two classes of one side share.
  private(set) var shared: String?
  /// Whether both have the same names in the same order.
  let isSame: Bool

  init(model: [String], data: [String]) {
    isSame = model == data
    shared = Self.shared(model) ?? Self.shared(data)
    let places = Dictionary(model.enumerated().map { ($1, $0) }) { first, _ in first }
    let names = Set(data)
    missing = model.filter { !names.contains($0) }
    unknown = data.filter { places[$0] == nil }
    if unknown.isEmpty, shared == nil { labels = data.compactMap { places[$0] } }
  }

  private static func shared(_ names: [String]) -> String? {
    var seen: Set<String> = []
    return names.first { !seen.insert($0).inserted }
  }

  /// What only one side has, as part of a sentence.
  var difference: String {
    if unknown.isEmpty, missing.isEmpty, let shared {
      return "several are called \(shared), so that names do not tell which is which"
    }
    let parts = [
      unknown.isEmpty ? nil : "the model does not know \(unknown.shortList)",
      missing.isEmpty ? nil : "the data lacks \(missing.shortList)",
    ]
    return parts.compactMap(\.self).joined(separator: ", and ")
  }
}

extension [String] {
  /// The first few, and how many more there are.
  var shortList: String {
    count <= 6 ? joined(separator: ", ") : prefix(5).joined(separator: ", ") + " and \(count - 5) more"
  }
}
