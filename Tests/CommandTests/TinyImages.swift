import Foundation

/// A few hundred drawn images in the format and under the name of Fashion-MNIST: ten classes that are easily learnt.
struct TinyImages {
  /// A data directory with the images in it, made once and left alone.
  static let shared = Result { try TinyImages() }

  let folder: TemporaryFolder

  init(training: Int = 300, test: Int = 100, side: Int = 28) throws {
    folder = try TemporaryFolder()
    for (prefix, count) in [("train", training), ("t10k", test)] {
      let (images, labels) = Self.drawn(count, side: side)
      try folder.write(idx([count, side, side], images), "fashion-mnist/\(prefix)-images-idx3-ubyte")
      try folder.write(idx([count], labels), "fashion-mnist/\(prefix)-labels-idx1-ubyte")
    }
  }

  /// The options that name this data set.
  var options: [String] { ["--data", "fashion-mnist", "--data-dir", folder.path] }

  /// A bar at one of five heights, of one of two widths, in noise.
  static func drawn(_ count: Int, side: Int) -> (images: [UInt8], labels: [UInt8]) {
    var state: UInt32 = 1
    func noise() -> Int {
      state = state &* 1_664_525 &+ 1_013_904_223
      return Int(state >> 24)
    }
    var images: [UInt8] = []
    for index in 0..<count {
      let (band, isWide) = (index % 10 % 5, index % 10 / 5 == 1)
      let rows = side * (2 + 5 * band) / 28..<max(side * (6 + 5 * band) / 28, 1)
      let columns = isWide ? 0..<side : side / 3..<2 * side / 3
      for row in 0..<side {
        for column in 0..<side {
          let isBar = rows.contains(row) && columns.contains(column)
          images.append(UInt8(isBar ? 200 + noise() / 5 : noise() / 4))
        }
      }
    }
    return (images, (0..<count).map { UInt8($0 % 10) })
  }
}

/// An IDX file of bytes.
func idx(_ axes: [Int], _ bytes: [UInt8]) -> [UInt8] {
  let sizes = axes.flatMap { axis in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: axis >> $0) } }
  return [0, 0, 8, UInt8(axes.count)] + sizes + bytes
}

/// Images that PIL made for the tests of decoding.
func photograph(_ name: String) -> String { root.appending(path: "Tests/DatasetsTests/Fixtures/\(name)").path }
