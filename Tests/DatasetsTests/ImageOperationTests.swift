import Foundation
import Testing

@testable import Datasets

/// Changes of images against torchvision's (Tests/Fixtures/augmentation.py).
@Suite struct ImageOperationTests {
  private struct Fixture: Decodable {
    struct Image: Decodable { var name: String, channels: Int, pixels: Data }
    struct Case: Decodable { var image: String, operation: String, value: Double, pixels: Data }
    struct Draw: Decodable { var operation: String, magnitude: Int, sign: Double, pixels: Data }
    var height: Int, width: Int, images: [Image], cases: [Case], rand_augment: [Draw]

    func shape(_ image: Image) -> ImageShape { ImageShape(channels: image.channels, height: height, width: width) }
  }

  private let fixture: Fixture

  init() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/augmentation.json")
    fixture = try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: file))
  }

  private func changed(_ image: Fixture.Image, _ change: (ImageOperations) -> Void) -> [UInt8] {
    var pixels = [UInt8](image.pixels)
    var spare = pixels
    pixels.withUnsafeMutableBufferPointer { pixels in
      spare.withUnsafeMutableBufferPointer { spare in
        guard let pixels = pixels.baseAddress, let spare = spare.baseAddress else { return }
        change(ImageOperations(shape: fixture.shape(image), pixels: pixels, spare: spare))
      }
    }
    return pixels
  }

  private func largestDifference(_ ours: [UInt8], _ theirs: Data) -> Int {
    ours.count == theirs.count ? zip(ours, theirs).map { abs(Int($0) - Int($1)) }.max() ?? 0 : 255
  }

  /// A mean of float32 depends on the order of its sum, and RandAugment's factors are of float32 in torchvision: both may
  /// cut off another number.
  private static let rounded: Set<String> = ["contrast", "Brightness", "Color", "Contrast", "Sharpness"]

  @Test func `every change of colours and places equals torchvision's`() throws {
    for one in fixture.cases where one.operation != "erase" {
      let image = try #require(fixture.images.first { $0.name == one.image })
      let ours = changed(image) { image in
        switch one.operation {
        case "brightness": image.adjustBrightness(one.value)
        case "contrast": image.adjustContrast(one.value)
        case "saturation": image.adjustSaturation(one.value)
        case "sharpness": image.adjustSharpness(one.value)
        case "rotate": image.rotate(degrees: one.value)
        case "solarize": image.solarize(threshold: one.value)
        case "posterize": image.posterize(bits: Int(one.value))
        case "autocontrast": image.autocontrast()
        case "equalize": image.equalize()
        default: Issue.record("no function for \(one.operation)")
        }
      }
      let allowed = Self.rounded.contains(one.operation) ? 1 : 0
      #expect(
        largestDifference(ours, one.pixels) <= allowed, "\(one.operation) of \(one.value) on the \(one.image) image")
    }
  }

  @Test func `every operation of RandAugment equals torchvision's at the same strength and direction`() throws {
    let image = try #require(fixture.images.first { $0.name == "colour" })
    var seen: Set<String> = []
    for draw in fixture.rand_augment {
      let operation = try #require(
        RandAugment.Operation.allCases.first { "\($0)".lowercased() == draw.operation.lowercased() })
      let ours = changed(image) { operation.apply(to: $0, strength: Double(draw.magnitude) / 30, sign: draw.sign) }
      let allowed = Self.rounded.contains(draw.operation) ? 1 : 0
      #expect(
        largestDifference(ours, draw.pixels) <= allowed, "\(draw.operation) of \(draw.magnitude), \(draw.sign)")
      #expect(operation.isSigned == fixture.rand_augment.contains { $0.operation == draw.operation && $0.sign < 0 })
      seen.insert("\(operation)")
    }
    #expect(seen.count == RandAugment.Operation.allCases.count)
  }

  @Test func `an erased part is zero and nothing else changes, as torchvision's erase`() throws {
    for one in fixture.cases where one.operation == "erase" {
      let image = try #require(fixture.images.first { $0.name == one.image })
      var values = image.pixels.map(Float.init)
      let shape = fixture.shape(image)
      var random = RandomStream(seed: 0)
      var part = try #require(RandomPart(erasedFrom: shape, random: &random))
      (part.top, part.left, part.height, part.width) = (3, 5, 7, 11)
      values.withUnsafeMutableBufferPointer { if let start = $0.baseAddress { part.erase(start, of: shape) } }
      #expect(values == one.pixels.map(Float.init), "\(one.image)")
    }
  }

  @Test func `erased parts have the area and aspect of torchvision's defaults and lie in the image`() throws {
    let shape = ImageShape(channels: 3, height: 200, width: 300)
    var areas: [Double] = []
    for index in 0..<2_000 {
      var random = RandomStream(seed: 1, index: index)
      let part = try #require(RandomPart(erasedFrom: shape, random: &random))
      #expect(part.top >= 0 && part.left >= 0 && part.top + part.height <= 200 && part.left + part.width <= 300)
      #expect(0.28...3.5 ~= Double(part.height) / Double(part.width))
      areas.append(Double(part.height * part.width) / 60_000)
    }
    #expect(areas.allSatisfy { 0.019...0.34 ~= $0 })
    #expect(areas.contains { $0 < 0.05 } && areas.contains { $0 > 0.3 })
  }

  @Test(arguments: [1, 3]) func `strengths beyond any image's range neither trap nor leave bytes out`(channels: Int) {
    let image = Fixture.Image(
      name: "plain", channels: channels, pixels: Data((0..<4 * channels).map { UInt8(40 * $0 % 251) }))
    for operation in RandAugment.Operation.allCases {
      for sign in [-1.0, 1] {
        var pixels = [UInt8](image.pixels)
        var spare = pixels
        pixels.withUnsafeMutableBufferPointer { pixels in
          spare.withUnsafeMutableBufferPointer { spare in
            guard let pixels = pixels.baseAddress, let spare = spare.baseAddress else { return }
            let shape = ImageShape(channels: channels, height: 2, width: 2)
            operation.apply(
              to: ImageOperations(shape: shape, pixels: pixels, spare: spare), strength: 1, sign: sign)
          }
        }
        if operation == .identity || operation == .sharpness { #expect(pixels == [UInt8](image.pixels)) }
      }
    }
  }
}
