/// What a user may have meant by a word that is not known.
public enum Suggestion {
  /// The known word nearest to `word`, nil where none is close enough to be a slip of the fingers.
  ///
  /// Close is one edit in three characters, at least one; letters' case does not count. Of equals the first wins.
  public static func nearest(to word: String, among known: [String]) -> String? {
    var best: (word: String, distance: Int)?
    for candidate in known {
      let (written, meant) = (Array(word.lowercased()), Array(candidate.lowercased()))
      let limit = max(1, max(written.count, meant.count) / 3)
      // Lengths that differ by more than the limit need no table, however long the word is.
      guard !written.isEmpty, abs(written.count - meant.count) <= limit else { continue }
      let distance = editDistance(written, meant)
      if distance <= limit, distance < written.count, distance < best?.distance ?? .max {
        best = (candidate, distance)
      }
    }
    return best?.word
  }

  /// The fewest insertions, deletions, replacements and swaps of neighbours that make `a` into `b`.
  ///
  /// The optimal string alignment distance, by dynamic programming over prefixes, three rows at a time.
  static func editDistance(_ a: [Character], _ b: [Character]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var distance = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          distance = min(distance, beforeLast[j - 1] + 1)
        }
        row.append(distance)
      }
      (beforeLast, last) = (last, row)
    }
    return last[b.count]
  }
}
