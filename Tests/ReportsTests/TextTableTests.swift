import Reports
import Testing

@Suite struct TextTableTests {
  private func table() -> TextTable {
    var table = TextTable([.text("layer"), .number("rank"), .number("MACs")])
    table.append(["conv1", "5", "0.44 M"])
    table.append(["layer1.0.conv1", "16", "2.36 M"])
    return table
  }

  @Test func `words stand left and numbers right below a rule`() {
    #expect(
      table().text() == """
        layer           rank    MACs
        ────────────────────────────
        conv1              5  0.44 M
        layer1.0.conv1    16  2.36 M

        """)
  }

  @Test func `a rule parts the totals`() {
    var table = table()
    table.appendRule()
    table.append(["all", "", "2.80 M"])
    #expect(
      table.text().hasSuffix(
        """
        layer1.0.conv1    16  2.36 M
        ────────────────────────────
        all                   2.80 M

        """))
  }

  @Test func `a table that is too wide loses the end of its longest words`() {
    #expect(
      table().text(fitting: 24) == """
        layer       rank    MACs
        ────────────────────────
        conv1          5  0.44 M
        layer1.0.…    16  2.36 M

        """)
  }

  @Test func `Markdown says which columns stand right`() {
    #expect(
      table().markdown() == """
        | layer          | rank |   MACs |
        | -------------- | ---: | -----: |
        | conv1          |    5 | 0.44 M |
        | layer1.0.conv1 |   16 | 2.36 M |

        """)
  }

  @Test func `a bar in a cell does not end the cell in Markdown`() {
    var table = TextTable([.text("a")])
    table.append(["x|y"])
    #expect(table.markdown().contains("| x\\|y |"))
  }

  @Test func `a line break or an escape in a cell does not reach the terminal`() {
    var table = TextTable([.text("a")])
    table.append(["x\n\u{1B}[31my"])
    #expect(table.text().hasSuffix("x [31my\n"))
  }

  @Test func `wide characters take two columns`() {
    var table = TextTable([.text("a"), .number("n")])
    table.append(["漢字", "1"])
    table.append(["abcd", "2"])
    #expect(table.text().hasSuffix("漢字  1\nabcd  2\n"))
  }
}
