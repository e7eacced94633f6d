import Foundation

/// A file that could not be read or written, told in one sentence: what was expected, what was found, what to do.
public struct ContainerError: Error, Equatable, Sendable, CustomStringConvertible, LocalizedError {
  /// The whole sentence, with the file's path and, where there is one, the tensor's name.
  public let description: String

  /// Whether it was the file's content or the place it was to be written to.
  public let kind: Kind

  public enum Kind: Sendable { case reading, writing }

  public var errorDescription: String? { description }

  public init(_ description: String, _ kind: Kind = .reading) {
    self.description = description
    self.kind = kind
  }
}

extension ContainerError {
  /// A sentence about one file, which begins with the file's path.
  init(_ file: URL, _ sentence: String, _ kind: Kind = .reading) {
    self.init("\(file.path(percentEncoded: false).shown(limit: 1000)) \(sentence)", kind)
  }
}

extension String {
  /// The text for an error sentence: control characters replaced and long text cut, since files are not trusted.
  func shown(limit: Int = 80) -> String {
    var scalars = String.UnicodeScalarView()
    var iterator = unicodeScalars.makeIterator()
    while let scalar = iterator.next() {
      if scalars.count == limit { return String(scalars) + "…" }
      let isShown = scalar.properties.generalCategory != .control && scalar.properties.generalCategory != .format
      scalars.append(isShown ? scalar : "\u{FFFD}")
    }
    return String(scalars)
  }
}
