/// A sequence of labelled images of one shape, which any thread may read.
public protocol ImageSource: Sendable {
  /// How many images there are.
  var count: Int { get }
  /// The shape of every image that `write` writes.
  var shape: ImageShape { get }
  /// The class of image `index`.
  func label(at index: Int) -> Int
  /// Writes image `index` as bytes, height × width × channels, to the `shape.count` bytes at `pixels`.
  ///
  /// Images of natural size are cropped as `crop` says, drawing from `random`. Those already of the final shape are
  /// written whole, and the loader crops them, unless a part is to be resized.
  /// - Throws: `DatasetError` naming the file when it cannot be read or decoded.
  func write(_ index: Int, crop: Crop, random: inout RandomStream, to pixels: UnsafeMutablePointer<UInt8>) throws
}

extension ImageSource {
  /// The bytes of image `index` as evaluation sees it, height × width × channels.
  public func pixels(at index: Int) throws -> [UInt8] {
    var random = RandomStream(seed: 0)
    return try [UInt8](unsafeUninitializedCapacity: shape.count) { buffer, count in
      guard let start = buffer.baseAddress else { return }
      try write(index, crop: .center, random: &random, to: start)
      count = shape.count
    }
  }
}

/// Images held in memory, one after the other, each height × width × channels.
public struct InMemoryImages: ImageSource {
  public let shape: ImageShape
  /// All bytes of all images.
  public let pixels: [UInt8]
  /// The class of every image.
  public let labels: [UInt8]

  public init(shape: ImageShape, pixels: [UInt8], labels: [UInt8]) {
    precondition(pixels.count == labels.count * shape.count, "\(labels.count) labels need as many images")
    self.shape = shape
    self.pixels = pixels
    self.labels = labels
  }

  public var count: Int { labels.count }

  public func label(at index: Int) -> Int { Int(labels[index]) }

  public func write(
    _ index: Int, crop: Crop, random: inout RandomStream, to destination: UnsafeMutablePointer<UInt8>
  ) throws {
    precondition(labels.indices.contains(index), "there is no image \(index) among \(count)")
    pixels.withUnsafeBufferPointer { bytes in
      guard let start = bytes.baseAddress.map({ $0 + index * shape.count }) else { return }
      guard case .resized(let area, let aspect) = crop else {
        return destination.update(from: start, count: shape.count)
      }
      let part = RandomPart(
        ofHeight: shape.height, width: shape.width, area: area, aspect: aspect, random: &random)
      let stride = shape.width * shape.channels
      let resize = Resampling(
        from: (part.height, part.width), to: (shape.height, shape.width), rows: 0..<shape.height,
        columns: 0..<shape.width)
      resize(
        start + part.top * stride + part.left * shape.channels, stride: stride, channels: shape.channels,
        to: destination)
    }
  }
}

/// Some images of another source, in an order of its own.
public struct ImageSubset: ImageSource {
  public let whole: any ImageSource
  /// The positions in `whole`.
  public let indices: [Int]

  public init(of whole: any ImageSource, indices: [Int]) {
    precondition(indices.allSatisfy { 0..<whole.count ~= $0 }, "indices of a subset lie in 0..<\(whole.count)")
    self.whole = whole
    self.indices = indices
  }

  public var count: Int { indices.count }
  public var shape: ImageShape { whole.shape }

  public func label(at index: Int) -> Int { whole.label(at: indices[index]) }

  public func write(
    _ index: Int, crop: Crop, random: inout RandomStream, to pixels: UnsafeMutablePointer<UInt8>
  ) throws {
    try whole.write(indices[index], crop: crop, random: &random, to: pixels)
  }
}

/// The images of another source with other labels.
public struct RelabelledImages: ImageSource {
  public let whole: any ImageSource
  /// The new label of every old one.
  public let labels: [Int]

  public init(of whole: any ImageSource, labels: [Int]) {
    self.whole = whole
    self.labels = labels
  }

  public var count: Int { whole.count }
  public var shape: ImageShape { whole.shape }

  public func label(at index: Int) -> Int { labels[whole.label(at: index)] }

  public func write(
    _ index: Int, crop: Crop, random: inout RandomStream, to pixels: UnsafeMutablePointer<UInt8>
  ) throws {
    try whole.write(index, crop: crop, random: &random, to: pixels)
  }
}
