/// What was wrong with a data set: what was expected, what was found and what to do.
public enum DatasetError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A file or folder could not be read.
  case unreadable(path: String, reason: String)
  /// A file or folder is there, but is not what its format says.
  case malformed(path: String, problem: String)
  /// A file should be an image and cannot be decoded.
  case undecodable(path: String, reason: String)
  /// Several of `total` images are broken: what is wrong with the first few, each a path and the reason.
  case brokenImages(first: [String], count: Int, total: Int)
  /// A data set was asked for by a name nobody knows.
  case unknownName(String, nearest: String?, known: [String])
  /// A known data set is in none of the places searched.
  case notFound(name: String, looked: [String], advice: String)
  /// A data set could not be fetched.
  case notFetched(name: String, reason: String, looked: [String])
  /// An option is out of its range.
  case badOption(String)

  public var description: String {
    switch self {
    case .unreadable(let path, let reason): return "\(path) cannot be read: \(reason)"
    case .malformed(let path, let problem): return "\(path) \(problem)"
    case .undecodable(let path, let reason): return "\(path) cannot be decoded: \(reason); replace or remove it"
    case .brokenImages(let first, let count, let total):
      let more = count > first.count ? " and \(grouped(count - first.count)) more" : ""
      let found = "\(grouped(count)) of \(grouped(total)) images are broken"
      return "\(found): \(first.joined(separator: ", "))\(more); replace or remove them"
    case .unknownName(let name, let nearest, let known):
      let guess = nearest.map { "; did you mean \($0)?" } ?? ""
      return
        "there is no data set or folder \(name)\(guess) (known: \(known.joined(separator: ", ")), or a folder's path)"
    case .notFound(let name, let looked, let advice):
      return "\(name) was not found in \(looked.joined(separator: ", ")); \(advice)"
    case .notFetched(let name, let reason, let looked):
      let places = looked.joined(separator: ", ")
      return "\(name) was not found in \(places) and could not be fetched: \(reason)"
    case .badOption(let sentence): return sentence
    }
  }
}

extension DatasetError {
  /// What is wrong with a file, without its name and what to do.
  var reason: String {
    switch self {
    case .undecodable(_, let reason), .unreadable(_, let reason): reason
    case .malformed(_, let problem): "it \(problem)"
    default: description
    }
  }
}

/// Digits in groups of three, as the sizes of files are easier to compare.
func grouped(_ number: Int) -> String {
  var digits = String(number.magnitude)
  var position = digits.count - 3
  while position > 0 {
    digits.insert(",", at: digits.index(digits.startIndex, offsetBy: position))
    position -= 3
  }
  return number < 0 ? "-" + digits : digits
}
