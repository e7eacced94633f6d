import Foundation

/// Collects the elements of an SVG document.
struct SVGCanvas {
  enum Anchor: String { case start, middle, end }

  private(set) var body = ""

  mutating func line(from: (Double, Double), to: (Double, Double), _ style: String) {
    body += "<line x1=\"\(from.0.svg)\" y1=\"\(from.1.svg)\" x2=\"\(to.0.svg)\" y2=\"\(to.1.svg)\" \(style)/>\n"
  }

  mutating func path(_ path: String, _ style: String) {
    body += "<path d=\"\(path)\" \(style)/>\n"
  }

  mutating func rectangle(x: Double, y: Double, width: Double, height: Double, _ style: String) {
    body += "<rect x=\"\(x.svg)\" y=\"\(y.svg)\" width=\"\(width.svg)\" height=\"\(height.svg)\" \(style)/>\n"
  }

  mutating func text(
    _ text: String, x: Double, y: Double, size: Double, _ anchor: Anchor, style: String = "fill=\"#333\""
  ) {
    body += "<text x=\"\(x.svg)\" y=\"\(y.svg)\" font-size=\"\(size.svg)\" text-anchor=\"\(anchor)\" \(style)>"
    body += "\(text.escapedForXML)</text>\n"
  }

  /// Puts what another canvas holds at a place of this one.
  mutating func place(_ other: SVGCanvas, x: Int, y: Int) {
    body += "<g transform=\"translate(\(x) \(y))\">\n\(other.body)</g>\n"
  }

  /// Everything that the closure draws is cut at the rectangle.
  mutating func clipped(
    x: Double, y: Double, width: Double, height: Double, _ draw: (inout SVGCanvas) -> Void
  ) {
    var inner = SVGCanvas()
    draw(&inner)
    // Several plots in one page need different names; a digest of the content keeps them the same in every run.
    let name = "clip" + String((inner.body + "\(x) \(y) \(width) \(height)").digest, radix: 36)
    body += "<clipPath id=\"\(name)\"><rect x=\"\(x.svg)\" y=\"\(y.svg)\" width=\"\(width.svg)\" "
    body += "height=\"\(height.svg)\"/></clipPath>\n<g clip-path=\"url(#\(name))\">\n\(inner.body)</g>\n"
  }

  func document(width: Int, height: Int, title: String) -> String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" \
    viewBox="0 0 \(width) \(height)" role="img" font-family="'Helvetica Neue', Helvetica, Arial, sans-serif">
    <title>\(title.escapedForXML)</title>
    <rect width="\(width)" height="\(height)" fill="#fff"/>
    \(body)</svg>

    """
  }
}

extension Double {
  /// The number to a hundredth of a pixel, without trailing zeros.
  var svg: String {
    let text = formatted(decimals: 2)
    guard text.contains(".") else { return text }
    let digits = text.reversed().drop { $0 == "0" }
    return String(digits.drop { $0 == "." }.reversed())
  }
}

extension String {
  /// The text for an element or an attribute; characters that XML does not allow are left out.
  var escapedForXML: String {
    onOneLine.reduce(into: "") { text, character in
      switch character {
      case "&": text += "&amp;"
      case "<": text += "&lt;"
      case ">": text += "&gt;"
      case "\"": text += "&quot;"
      default: text.unicodeScalars.append(contentsOf: character.unicodeScalars.filter { $0.value & 0xFFFE != 0xFFFE })
      }
    }
  }

  /// About the width of the text in Helvetica, in units of the font size; a little too wide rather than too narrow.
  var emWidth: Double {
    reduce(0) { width, character in
      switch character {
      case _ where " .,:;'|!iljtfI()[]·".contains(character): width + 0.33
      case _ where "mwMW%@—".contains(character): width + 0.92
      case _ where character.isUppercase: width + 0.72
      case _ where !character.isASCII && character.isLetter && !character.isCased: width + 1
      default: width + 0.59
      }
    }
  }

  /// The text, cut to fit into that many pixels.
  func fitted(to width: Double, size: Double) -> String {
    guard emWidth * size > width else { return self }
    var text = self
    while !text.isEmpty, (text.emWidth + 1) * size > width { text.removeLast() }
    return text + "…"
  }

  /// The same with the middle cut out, for names that differ at their ends.
  func fittedAround(to width: Double, size: Double) -> String {
    var (text, length) = (self, count)
    while length > 1, text.emWidth * size > width {
      length -= 1
      text = shortened(to: length, keeping: 0.3)
    }
    return text
  }

  /// The FNV-1a hash of the text, which unlike `hashValue` is the same in every run.
  fileprivate var digest: UInt64 {
    utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}
