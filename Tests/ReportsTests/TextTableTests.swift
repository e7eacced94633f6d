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

  @Test func `columns leave in their turn, and a last line names them`() {
    var table = TextTable([.text("layer"), .number("rank", leaving: 2), .number("units", leaving: 1), .number("MACs")])
    table.append(["layer1.0.conv1", "16", "64", "2.36 M"])
    #expect(
      table.text(TextStyle(width: 30), all: "--json") == """
        layer           rank    MACs
        ────────────────────────────
        layer1.0.conv1    16  2.36 M
        left out for the width: units;
        --json shows all

        """)
    #expect(table.text(fitting: 35) == table.text())
    #expect(table.text(fitting: 22).hasPrefix("layer             MACs\n"))
  }

  @Test func `names are shortened where they still differ`() {
    var table = TextTable([.name("layer"), .number("rank")])
    for block in 0..<3 {
      for layer in ["self_attention.out_proj", "mlp.0"] {
        table.append(["encoder.layers.encoder_layer_\(block).\(layer)", "1"])
      }
    }
    for width in [36, 44, 50] {
      let names = table.text(fitting: width).split(separator: "\n").dropFirst(2).map { $0.split(separator: " ")[0] }
      #expect(Set(names).count == 6 && names.contains { $0.contains("…") }, "\(names)")
    }
  }

  @Test func `colours do not move columns`() {
    var (plain, coloured) = (table(), table())
    plain.append(["conv2", "7", "1"])
    coloured.append(["conv2", "7", "1"], tones: [1: .better, 2: .worse])
    let text = coloured.text(TextStyle(usesColor: true))
    #expect(text.contains("\u{1B}[32m7\u{1B}[0m"))
    #expect(text.replacing(/\u{1B}\[[0-9;]*m/, with: "") == plain.text())
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
