/// A folder of photographs, `train/<class>/…` and `test/<class>/…` (or `val`), decoded as they are needed.
public struct ImageFolder: ImageSource {
  /// How photographs of natural size become images of one shape.
  public struct Options: Sendable, Hashable, Codable {
    /// What the network sees, in pixels.
    public var height: Int
    public var width: Int
    /// The length of the shorter side before that is cut out.
    public var resize: Int
    /// 3 for RGB, 1 for grey.
    public var channels: Int
    /// Whether nothing is cut away: photographs are made to fit, and filled up with grey at two sides.
    public var pads = false

    /// torchvision's for ImageNet: shorter side 256, then 224×224.
    public init(size: Int = 224, resize: Int = 256, channels: Int = 3) {
      self.init(height: size, width: size, resize: resize, channels: channels)
    }

    /// - Parameters:
    ///   - resize: the shorter side of the smallest photograph that covers as much more than height × width as is cut
    ///     away, where they differ in proportion.
    ///   - pads: whether nothing is cut away.
    public init(height: Int, width: Int, resize: Int, channels: Int = 3, pads: Bool = false) {
      (self.height, self.width, self.resize) = (height, width, resize)
      (self.channels, self.pads) = (channels, pads)
    }

    /// What is filled up where photographs are padded, as for YOLO (letterboxing); also about the mean of ImageNet.
    static let padding: UInt8 = 114

    /// - Throws: `DatasetError` when no photograph can be cut so, as a model file from outside may ask for.
    func check() throws(DatasetError) {
      guard min(height, width) > 0, resize >= min(height, width), max(height, width, resize) <= 16_384 else {
        let size = height == width ? "\(height)" : "\(height)×\(width)"
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
  public var shape: ImageShape { ImageShape(channels: options.channels, height: options.height, width: options.width) }
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
