import Foundation

/// A folder of small images of plain colours, a class each, that a network learns in a few steps.
struct TinyPhotographs {
  static let colours: [[Int]] = [[220, 40, 40], [40, 220, 40], [40, 40, 220], [220, 220, 40]]

  let folder: TemporaryFolder
  /// The folder with `train` and `test` in it.
  var path: String { folder["photos"] }

  /// - Parameter classes: the names of the first colours' folders.
  init(_ classes: [String], training: Int = 8, test: Int = 4) throws {
    folder = try TemporaryFolder()
    for (name, colour) in zip(classes, Self.colours) {
      for (part, count) in [("train", training), ("test", test)] {
        for number in 0..<count {
          try folder.write(Self.image(colour, number), "photos/\(part)/\(name)/\(number).ppm")
        }
      }
    }
  }

  /// A PPM file of a colour, a little different for every number.
  static func image(_ colour: [Int], _ number: Int, side: Int = 20) -> [UInt8] {
    let pixels = (0..<side * side).flatMap { place in colour.map { UInt8(min(255, $0 + (place * 7 + number * 5) % 30)) }
    }
    return Array("P6 \(side) \(side) 255\n".utf8) + pixels
  }

  /// Gives folders of classes other names, in both parts.
  func rename(_ names: [(old: String, new: String)]) throws {
    for part in ["train", "test"] {
      // Two steps, so that names can be exchanged.
      for (old, _) in names { try move("photos/\(part)/\(old)", "photos/\(part)/\(old)-away") }
      for (old, new) in names { try move("photos/\(part)/\(old)-away", "photos/\(part)/\(new)") }
    }
  }

  private func move(_ from: String, _ to: String) throws {
    try FileManager.default.moveItem(atPath: folder[from], toPath: folder[to])
  }

  /// Options of a short ordinary training on these images.
  func training(_ output: String) -> [String] {
    let options = [
      ("model", "dec3"), ("data", path), ("image-size", "16"), ("epochs", "6"), ("batch-size", "4"),
      ("validation", "0.25"), ("nuclear", "0"), ("group", "0"), ("lr", "0.02"), ("threads", "1"), ("output", output),
    ]
    return ["train"] + options.flatMap { ["--\($0)", $1] }
  }
}
