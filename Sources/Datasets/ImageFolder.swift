/// A folder of photographs, `train/<class>/…` and `test/<class>/…` (or `val`), decoded as they are needed.
public struct ImageFolder: ImageSource {
  /// How photographs of natural size become images of one shape.
  public struct Options: Sendable, Hashable, Codable {
    /// The side of the square that the network sees.
    public var size: Int
    /// The length of the shorter side before the square is cut out.
    public var resize: Int
    /// 3 for RGB, 1 for grey.
    public var channels: Int

    /// torchvision's for ImageNet: shorter side 256, then 224×224.
    public init(size: Int = 224, resize: Int = 256, channels: Int = 3) {
      self.size = size
      self.resize = resize
      self.channels = channels
    }

    /// - Throws: `DatasetError` when no photograph can be cut so, as a model file from outside may ask for.
    func check() throws(DatasetError) {
      guard size > 0, resize >= size, resize <= 16_384 else {
        let found = "found size \(size) and resize \(resize)"
        throw .badOption("photographs are resized to at least the size cut out of them, at most 16,384; \(found)")
      }
      guard [1, 3].contains(channels) else {
        throw .badOption("photographs have 1 or 3 channels, found \(channels)")
      }
    }
  }

  /// The file of every image.
  let files: [RawPath]
  public let labels: [Int]
  public let options: Options

  init(files: [RawPath], labels: [Int], options: Options) {
    self.files = files
    self.labels = labels
    self.options = options
  }

  public var count: Int { files.count }
  public var shape: ImageShape { ImageShape(channels: options.channels, height: options.size, width: options.size) }
  /// The file of every image, with `\xE9` for a byte that is no UTF-8.
  public var paths: [String] { files.map(\.description) }

  public func label(at index: Int) -> Int { labels[index] }

  public func write(
    _ index: Int, crop: Crop, random: inout RandomStream, to pixels: UnsafeMutablePointer<UInt8>
  ) throws {
    let image = try DecodedImage(files[index], channels: options.channels)
    let window = PhotographCrop(crop, height: image.height, width: image.width, options: options, random: &random)
    window.write(image, to: pixels)
  }
}
