/// A page of HTML that says what became of a network: one file that needs nothing else, for screens of any width, light
/// and dark, mouse and keyboard.
public struct ReportPage: Sendable {
  /// A figure that stands out.
  public struct Card: Equatable, Sendable {
    public var value: String
    public var name: String

    public init(_ value: String, _ name: String) { (self.value, self.name) = (value, name) }
  }

  /// A table that can be sorted by each of its columns.
  public struct Table: Sendable {
    public enum Cell: Sendable {
      case text(String)
      /// A number, and how it is written.
      case number(Double?, String)
    }

    public var columns: [String]
    public var rows: [[Cell]]

    public init(columns: [String], rows: [[Cell]]) { (self.columns, self.rows) = (columns, rows) }
  }

  /// A text to be copied, under a heading that opens it.
  public struct Listing: Sendable {
    public var title: String
    public var text: String

    public init(_ title: String, _ text: String) { (self.title, self.text) = (title, text) }
  }

  public enum Section: Sendable {
    case cards([Card])
    case text(String)
    case heading(String)
    /// - Parameter id: what the rows of the table are called that its bars lead to.
    case network(NetworkPicture, id: String)
    case plots([LinePlot])
    case map(HeatMap)
    /// - Parameter id: that of the network whose layers are the rows; nil where they are something else.
    case table(Table, id: String? = nil)
    case listing(Listing)
  }

  public var title: String
  public var subtitle: String
  public var sections: [Section]
  /// The figures of the page, as JSON in an element `figures` that programs may read.
  public var json: String
  /// After how many seconds the page is loaded again; nil where what it tells of has ended.
  public var refresh: Int?

  public init(title: String, subtitle: String, sections: [Section], json: String, refresh: Int? = nil) {
    (self.title, self.subtitle, self.sections) = (title, subtitle, sections)
    (self.json, self.refresh) = (json, refresh)
  }

  public func html() -> String {
    let again = refresh.map { "<meta http-equiv=\"refresh\" content=\"\($0)\">\n" } ?? ""
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      \(again)<title>\(title.escapedForXML)</title>
      <link rel="icon" href="data:,">
      <style>
      \(Self.text(PackageResources.report_css))</style>
      </head>
      <body>
      <main>
      <h1>\(title.escapedForXML)</h1>
      <p class="faint">\(subtitle.escapedForXML)</p>
      \(sections.map(Self.html).joined(separator: "\n"))
      </main>
      <script type="application/json" id="figures">
      \(json.replacing("<", with: "\\u003c"))
      </script>
      <script>
      \(Self.text(PackageResources.report_js))</script>
      </body>
      </html>

      """
  }

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  private static func html(_ section: Section) -> String {
    switch section {
    case .text(let text): "<p>\(text.escapedForXML)</p>"
    case .heading(let text): "<h2>\(text.escapedForXML)</h2>"
    case .cards(let cards):
      "<div class=\"cards\">"
        + cards.map { card in
          "<div class=\"card\"><b>\(card.value.escapedForXML)</b><span>\(card.name.escapedForXML)</span></div>"
        }.joined() + "</div>"
    case .network(let picture, let id): html(picture, id)
    case .plots(let plots):
      "<div class=\"plots\">"
        + plots.map { plot in
          "<div class=\"panel paper\">\(plot.svg(width: 500, height: 330))</div>"
        }.joined(separator: "\n") + "</div>"
    case .map(let map): "<div class=\"panel paper wide scroll\" tabindex=\"0\">\(map.svg(width: 1040))</div>"
    case .table(let table, let id): html(table, id)
    case .listing(let listing):
      "<details class=\"panel\"><summary>\(listing.title.escapedForXML)</summary>"
        + "<pre tabindex=\"0\">\(listing.text.linesEscapedForXML)</pre></details>"
    }
  }

  private static func html(_ picture: NetworkPicture, _ id: String) -> String {
    let keys = [("before", "units before"), ("after", "units after"), ("rank", "rank")].map { color, name in
      "<span class=\"key\" style=\"background: var(--\(color))\"></span>\(name)"
    }.joined()
    return """
      <div class="picture">
      <p class="faint">\(keys)</p>
      <div class="panel scroll">\(picture.svg(id))</div>
      <p class="told faint" aria-live="polite">A bar is a layer, its height the square root of its units. Point at one, \
      or move through them with the tab key.</p>
      </div>
      """
  }

  private static func html(_ table: Table, _ id: String?) -> String {
    let isNumber = table.columns.indices.map { column in
      table.rows.contains { if case .number = $0[column] { true } else { false } }
    }
    let heads = zip(table.columns, isNumber).map { name, isNumber in
      "<th scope=\"col\"\(isNumber ? " class=\"number\"" : "")><button type=\"button\">\(name.escapedForXML)</button></th>"
    }.joined()
    let rows = table.rows.enumerated().map { index, row in
      let cells = row.map { cell in
        switch cell {
        case .text(let text): "<td>\(text.escapedForXML)</td>"
        case .number(let value, let text):
          "<td class=\"number\" data-value=\"\(value.map { "\($0)" } ?? "")\">\(text.escapedForXML)</td>"
        }
      }.joined()
      return "<tr\(id.map { " id=\"\($0)-\(index)\"" } ?? "")>\(cells)</tr>"
    }.joined(separator: "\n")
    return """
      <div class="panel scroll" tabindex="0"><table class="sortable">
      <thead><tr>\(heads)</tr></thead>
      <tbody>
      \(rows)
      </tbody>
      </table></div>
      """
  }
}

extension String {
  /// The text of several lines for an element.
  fileprivate var linesEscapedForXML: String {
    split(separator: "\n", omittingEmptySubsequences: false).map { String($0).escapedForXML }.joined(separator: "\n")
  }
}
