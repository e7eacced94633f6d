import Testing

@testable import Datasets

@Suite struct PhotographCropTests {
  /// Writes the square of a fixture that `crop` selects.
  private func square(_ name: String, _ window: (DecodedImage) -> PhotographCrop) throws -> [UInt8] {
    let image = try DecodedImage(RawPath("\(fixtures)/\(name)"), channels: 3)
    let window = window(image)
    return [UInt8](unsafeUninitializedCapacity: window.keptHeight * window.keptWidth * 3) { buffer, count in
      if let start = buffer.baseAddress { window.write(image, to: start) }
      count = buffer.count
    }
  }

  private func largestDifference(_ ours: [UInt8], _ name: String) throws -> Int {
    let theirs = try decoded("\(fixtures)/\(name)", channels: 3)
    #expect(ours.count == theirs.count)
    return zip(ours, theirs).map { abs(Int($0) - Int($1)) }.max() ?? 255
  }

  @Test(arguments: ["wide", "tall", "tiny"], [(32, 28), (33, 24)])
  func `resizing the shorter side and cutting out the middle equals torchvision's`(
    name: String, sizes: (resize: Int, size: Int)
  ) throws {
    let options = ImageFolder.Options(size: sizes.size, resize: sizes.resize)
    var random = RandomStream(seed: 0)
    let ours = try square("\(name).png") {
      PhotographCrop(.center, height: $0.height, width: $0.width, options: options, random: &random)
    }
    #expect(try largestDifference(ours, "\(name)-\(sizes.resize)-\(sizes.size).png") <= 1)
  }

  @Test func `a part resized equals Pillow's crop and resize`() throws {
    let options = ImageFolder.Options(size: 24, resize: 24)
    var random = RandomStream(seed: 0)
    let ours = try square("wide.png") {
      var window = PhotographCrop(.resized(), height: $0.height, width: $0.width, options: options, random: &random)
      (window.top, window.left, window.height, window.width) = (5, 20, 29, 37)
      return window
    }
    #expect(try largestDifference(ours, "wide-part-24.png") <= 1)
  }

  @Test func `random parts lie within the image and have the area and aspect asked for`() {
    let options = ImageFolder.Options(size: 24, resize: 24)
    var areas: [Double] = []
    for index in 0..<2_000 {
      var random = RandomStream(seed: 3, index: index)
      let part = PhotographCrop(.resized(), height: 300, width: 400, options: options, random: &random)
      #expect(part.top >= 0 && part.left >= 0 && part.top + part.height <= 300 && part.left + part.width <= 400)
      areas.append(Double(part.height * part.width) / 120_000)
      #expect(0.74...1.36 ~= Double(part.width) / Double(part.height))
    }
    #expect(areas.allSatisfy { 0.078...1 ~= $0 })
    #expect(areas.contains { $0 < 0.15 } && areas.contains { $0 > 0.85 })
  }

  @Test func `an image too narrow for any allowed aspect gives its largest middle part`() {
    var random = RandomStream(seed: 0)
    let options = ImageFolder.Options(size: 24, resize: 24)
    let part = PhotographCrop(.resized(area: 0.9...1), height: 10, width: 300, options: options, random: &random)
    #expect((part.top, part.left, part.height, part.width) == (0, 143, 10, 13))
  }

  @Test func `random squares move with the random numbers and stay inside`() {
    let options = ImageFolder.Options(size: 24, resize: 32)
    var seen: Set<[Int]> = []
    for index in 0..<500 {
      var random = RandomStream(seed: 5, index: index)
      let window = PhotographCrop(.random, height: 64, width: 64, options: options, random: &random)
      #expect(0...8 ~= window.keptTop && 0...8 ~= window.keptLeft)
      seen.insert([window.keptTop, window.keptLeft])
    }
    #expect(seen.count == 81)
  }

  @Test(arguments: [(20, 30), (30, 20), (24, 24)], ["wide", "tall", "tiny"])
  func `what is not square is covered without distortion, or filled up with grey where nothing is cut`(
    size: (height: Int, width: Int), name: String
  ) throws {
    var random = RandomStream(seed: 0)
    for pads in [false, true] {
      let options = ImageFolder.Options(
        height: size.height, width: size.width, resize: min(size.height, size.width), pads: pads)
      var window: PhotographCrop?
      var proportion = 0.0
      let pixels = try square("\(name).png") {
        let crop = PhotographCrop(.center, height: $0.height, width: $0.width, options: options, random: &random)
        (window, proportion) = (crop, Double($0.width) / Double($0.height))
        return crop
      }
      let crop = try #require(window)
      #expect(pixels.count == size.height * size.width * 3)
      let (rows, columns) = (crop.resizedHeight, crop.resizedWidth)
      #expect(pads ? rows <= size.height && columns <= size.width : rows >= size.height && columns >= size.width)
      #expect(rows == size.height || columns == size.width)
      // Rounded to a pixel.
      #expect(abs(Double(columns) - proportion * Double(rows)) <= max(1, proportion))
      let corner = Array(pixels.prefix(3))
      #expect(!pads || (rows, columns) == (size.height, size.width) || corner == [114, 114, 114])
      // What is not margin is the whole photograph, resized.
      let whole = ImageFolder.Options(height: rows, width: columns, resize: min(rows, columns))
      guard pads else { continue }
      let filled = try square("\(name).png") {
        var crop = PhotographCrop(.center, height: $0.height, width: $0.width, options: whole, random: &random)
        (crop.resizedHeight, crop.resizedWidth, crop.keptTop, crop.keptLeft) = (rows, columns, 0, 0)
        return crop
      }
      for row in 0..<rows {
        let place = ((row - crop.keptTop) * size.width - crop.keptLeft) * 3
        #expect(
          Array(pixels[place..<place + columns * 3]) == Array(filled[row * columns * 3..<(row + 1) * columns * 3]))
      }
    }
  }

  @Test func `photographs that fit with a margin are put anywhere in it for training`() {
    let options = ImageFolder.Options(height: 24, width: 32, resize: 24, pads: true)
    var seen: Set<[Int]> = []
    for index in 0..<200 {
      var random = RandomStream(seed: 5, index: index)
      let window = PhotographCrop(.random, height: 60, width: 60, options: options, random: &random)
      seen.insert([window.keptTop, window.keptLeft])
    }
    #expect(seen == Set((0...8).map { [0, -$0] }))
  }

  @Test func `a photograph one pixel wide and very long is no more work than any other`() throws {
    let folder = try TemporaryFolder()
    let shape = ImageShape(channels: 1, height: 1, width: 60_000)
    let path = try folder.write(pngFile(Array(repeating: 7, count: 60_000), shape: shape), "strip.png")
    let image = try DecodedImage(RawPath(path), channels: 3)
    var random = RandomStream(seed: 0)
    let window = PhotographCrop(.center, height: 1, width: 60_000, options: ImageFolder.Options(), random: &random)
    let pixels = [UInt8](unsafeUninitializedCapacity: 224 * 224 * 3) { buffer, count in
      if let start = buffer.baseAddress { window.write(image, to: start) }
      count = buffer.count
    }
    #expect(pixels.allSatisfy { $0 == 7 })
  }
}
