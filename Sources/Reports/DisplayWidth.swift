extension StringProtocol {
  /// Columns that the text takes on a terminal: two for East Asian wide characters and emoji, one for the others.
  var displayWidth: Int {
    reduce(0) { $0 + $1.displayWidth }
  }

  /// The same for a text with colours, which take none.
  var visibleWidth: Int {
    contains("\u{1B}") ? String(self).replacing(/\u{1B}\[[0-9;]*m/, with: "").displayWidth : displayWidth
  }
}

extension String {
  /// The text in at most `width` columns, with … for what was cut.
  func truncated(to width: Int) -> String {
    guard displayWidth > width else { return self }
    guard width > 0 else { return "" }
    var text = ""
    var used = 1
    for character in self {
      used += character.displayWidth
      if used > width { break }
      text.append(character)
    }
    return text + "…"
  }

  /// The text in at most `width` columns, with … for what was cut out behind that share of them.
  func shortened(to width: Int, keeping share: Double) -> String {
    guard displayWidth > width else { return self }
    guard width > 1 else { return truncated(to: width) }
    let head = Int(share * Double(width - 1))
    var (left, right) = ("", [Character]())
    var used = 0
    for character in self {
      guard used + character.displayWidth <= head else { break }
      used += character.displayWidth
      left.append(character)
    }
    for character in reversed() {
      guard used + character.displayWidth <= width - 1 else { break }
      used += character.displayWidth
      right.append(character)
    }
    return left + "…" + String(right.reversed())
  }

  /// The text without characters that would move the cursor, change colours or break the line.
  var onOneLine: String {
    guard unicodeScalars.contains(where: \.isControl) else { return self }
    return unicodeScalars.split(whereSeparator: \.isControl).map { String(Substring($0)) }.joined(separator: " ")
  }
}

extension Unicode.Scalar {
  var isControl: Bool {
    switch properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}

extension Character {
  fileprivate var displayWidth: Int {
    guard let scalar = unicodeScalars.first else { return 0 }
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
      0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1FAFF, 0x20000...0x3FFFD:
      return 2
    default: return 1
    }
  }
}
