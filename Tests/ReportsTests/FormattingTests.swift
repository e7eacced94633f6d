import Reports
import Testing

@Suite struct FormattingTests {
  @Test(arguments: [
    (0, "0"), (950, "950"), (1000, "1.00 k"), (41_200, "41.2 k"), (99_949, "99.9 k"), (99_950, "0.10 M"),
    (270_000, "0.27 M"), (999_999, "1.00 M"), (40_600_000, "40.6 M"), (557_000_000, "557 M"),
    (999_600_000, "1.00 G"), (4_090_000_000, "4.09 G"), (-41_200, "-41.2 k"),
  ])
  func `a count has three digits and a unit`(count: Int, text: String) {
    #expect(count.formattedCount == text)
  }

  @Test(arguments: [
    (0, "0 B"), (532, "532 B"), (1000, "1.0 kB"), (1_100_000, "1.1 MB"), (99_960, "100 kB"), (999_960, "1.0 MB"),
    (103_000_000, "103 MB"), (2_500_000_000, "2.5 GB"), (-2_000, "-2.0 kB"), (Int.min, "-9223372 TB"),
  ])
  func `bytes come in decimal units`(bytes: Int, text: String) {
    #expect(bytes.formattedBytes == text)
  }

  @Test(arguments: [
    (0.42, "420 ms"), (7.34, "7.3 s"), (59.4, "59 s"), (59.6, "60 s"), (99, "99 s"), (100, "1.7 min"),
    (720, "12 min"), (5969, "99 min"), (5970, "1.7 h"), (40_000, "11 h"), (250_000, "2.9 d"), (.nan, "–"), (-1, "–"),
  ])
  func `a time in a line of figures is short`(seconds: Double, text: String) {
    #expect(seconds.formattedBriefly == text)
  }

  @Test(arguments: [
    (0.0021, "2.1 ms"), (0.42, "420 ms"), (0.9999, "1.0 s"), (7.34, "7.3 s"), (9.96, "10 s"), (59.6, "1 min 00 s"),
    (63, "1 min 03 s"), (3599.7, "1 h 00 min"), (7500, "2 h 05 min"), (86_399, "1 d 00 h"), (273_600, "3 d 04 h"),
    (.nan, "–"), (.infinity, "–"), (-1, "–"),
  ])
  func `a duration is rounded to two units`(seconds: Double, text: String) {
    #expect(seconds.formattedDuration == text)
  }

  @Test(arguments: [(23.4, "0:23"), (725, "12:05"), (3723, "1:02:03"), (.infinity, "–")])
  func `time left reads as on a clock`(seconds: Double, text: String) {
    #expect(seconds.formattedClock == text)
  }

  @Test func `a share is told in percent`() {
    #expect(0.614.formattedPercent() == "61.4 %")
    #expect(0.9999.formattedPercent(decimals: 2) == "99.99 %")
    #expect(Double.nan.formattedPercent() == "–")
  }

  @Test func `zero has no sign`() {
    #expect((-0.001).formatted(decimals: 2) == "0.00")
    #expect((-0.01).formatted(decimals: 2) == "-0.01")
  }
}
