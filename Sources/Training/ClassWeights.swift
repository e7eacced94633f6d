import Datasets
import Foundation

/// How much the images of each class weigh in the loss.
public enum ClassWeights: Sendable, Equatable {
  /// By the inverse of how many training images a class has, with a mean of 1 over the images.
  case balanced
  /// One number for each class, in the order of the classes.
  case numbers([Double])
  /// Such numbers in a text file.
  case file(String)

  /// The weights for the classes of a data set.
  ///
  /// - Throws: `RecipeError` when there are more or fewer numbers than classes, or the file has others.
  package func numbers(for data: Dataset) throws -> [Double] {
    switch try reading() {
    case .balanced, .file: return Self.balanced(data)
    case .numbers(let numbers):
      guard numbers.count == data.classNames.count else {
        throw RecipeError(
          """
          `class-weights` has \(numbers.count) numbers, but the data has \(data.classNames.count) classes; give one \
          for each, in this order: \(data.classNames.prefix(5).joined(separator: ", "))\
          \(data.classNames.count > 5 ? ", …" : "")
          """)
      }
      return numbers
    }
  }

  /// n/(k·nₖ) for a class of nₖ images of n, where k classes have any (scikit-learn's `balanced`); 1 for one without.
  private static func balanced(_ data: Dataset) -> [Double] {
    var counts = [Int](repeating: 0, count: data.classNames.count)
    for index in 0..<data.train.count { counts[data.train.label(at: index)] += 1 }
    let present = Double(counts.filter { $0 > 0 }.count)
    return counts.map { $0 > 0 ? Double(data.train.count) / (present * Double($0)) : 1 }
  }

  /// The same with the numbers of a file in its place.
  ///
  /// - Throws: `RecipeError` when it cannot be read or holds something else than numbers.
  func reading() throws -> ClassWeights {
    guard case .file(let path) = self else { return self }
    guard let bytes = FileManager.default.contents(atPath: path), bytes.count <= 1 << 20 else {
      throw RecipeError(
        "`class-weights` is \(path), which is no readable file; give balanced, numbers such as 1,2,0.5, or a file "
          + "of them"
      )
    }
    let words = String(decoding: bytes, as: UTF8.self).split { $0.isWhitespace || $0 == "," }
    let numbers = words.compactMap { Double($0) }
    guard numbers.count == words.count, !numbers.isEmpty else {
      let found = words.first { Double($0) == nil }.map { "found \($0.prefix(40))" } ?? "found nothing"
      throw RecipeError("\(path) should hold one number for each class, \(found); leave everything else out")
    }
    let result = ClassWeights.numbers(numbers)
    try result.check()
    return result
  }

  /// - Throws: `RecipeError` when numbers make no sense as weights.
  func check() throws {
    guard case .numbers(let numbers) = self else { return }
    guard !numbers.isEmpty, numbers.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      let found = numbers.first { !($0 > 0 && $0.isFinite) }
      throw RecipeError("`class-weights` has \(found ?? 0), expected numbers above 0")
    }
  }
}

extension ClassWeights: Codable, CustomStringConvertible {
  /// `balanced`, numbers with commas between them, or a file's path.
  public init(_ text: String) {
    let words = text.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = words.compactMap { Double($0.drop { $0 == " " }) }
    self = text == "balanced" ? .balanced : numbers.count == words.count ? .numbers(numbers) : .file(text)
  }

  public var description: String {
    switch self {
    case .balanced: "balanced"
    case .numbers(let numbers): numbers.map { "\($0)" }.joined(separator: ",")
    case .file(let path): path
    }
  }

  public init(from decoder: any Decoder) throws {
    if let numbers = try? [Double](from: decoder) {
      self = .numbers(numbers)
    } else {
      self.init(try decoder.singleValueContainer().decode(String.self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

extension Recipe {
  /// The recipe with what it names files for.
  ///
  /// - Throws: `RecipeError` when a file cannot be read.
  package func readingFiles() throws -> Recipe {
    var result = self
    result.loss.classWeights = try loss.classWeights?.reading()
    return result
  }
}
