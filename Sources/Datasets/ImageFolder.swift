/// A folder of photographs, `train/<class>/*.jpg` and `test/<class>/*.jpg` (or `val`), decoded as they are needed.
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
  public let paths: [String]
  public let labels: [Int]
  public let options: Options

  public var count: Int { paths.count }
  public var shape: ImageShape { ImageShape(channels: options.channels, height: options.size, width: options.size) }

  public func label(at index: Int) -> Int { labels[index] }

  public func write(
    _ index: Int, crop: Crop, random: inout RandomStream, to pixels: UnsafeMutablePointer<UInt8>
  ) throws {
    let image = try DecodedImage(path: paths[index], channels: options.channels)
    let window = PhotographCrop(crop, height: image.height, width: image.width, options: options, random: &random)
    window.write(image, to: pixels)
  }

  /// The data set in a folder with `train` and `test` (or `val`), one folder a class.
  ///
  /// The files are listed, not opened. Formats: JPEG and PNG, by their extension.
  /// - Throws: `DatasetError` when a folder cannot be listed, a class is empty or a test class unknown.
  public static func dataset(in folder: String, options: Options) throws(DatasetError) -> Dataset {
    try options.check()
    guard let testName = ["test", "val"].first(where: { isFolder(folder + "/" + $0) }) else {
      throw .malformed(
        path: folder, problem: "has no folder test or val beside train; put the images for testing there")
    }
    let classes = try entries(ofFolder: folder + "/train").filter { isFolder("\(folder)/train/\($0)") }
    guard !classes.isEmpty else {
      throw .malformed(path: folder + "/train", problem: "has no folders; expected one for each class")
    }
    let name = folder.split(separator: "/").last.map(String.init) ?? folder
    return Dataset(
      name: name, classNames: classes, normalization: options.channels == 3 ? .imageNet : .imageNetGrey,
      augmentation: Augmentation(crop: .random, flips: true),
      train: try ImageFolder(folder + "/train", classes: classes, options: options),
      test: try ImageFolder(folder + "/" + testName, classes: classes, options: options))
  }

  private init(_ folder: String, classes: [String], options: Options) throws(DatasetError) {
    var paths: [String] = []
    var labels: [Int] = []
    for name in try entries(ofFolder: folder) where isFolder("\(folder)/\(name)") {
      guard let label = classes.firstIndex(of: name) else {
        throw .malformed(path: "\(folder)/\(name)", problem: "is a class that train does not have")
      }
      let files = try entries(ofFolder: "\(folder)/\(name)").filter(Self.isImage)
      guard !files.isEmpty else {
        throw .malformed(path: "\(folder)/\(name)", problem: "has no .jpg, .jpeg or .png file; add some or remove it")
      }
      paths += files.map { "\(folder)/\(name)/\($0)" }
      labels += Array(repeating: label, count: files.count)
    }
    guard !paths.isEmpty else {
      throw .malformed(path: folder, problem: "has no folders; expected one for each class")
    }
    self.paths = paths
    self.labels = labels
    self.options = options
  }

  private static func isImage(_ name: String) -> Bool {
    let name = name.lowercased()
    return [".jpg", ".jpeg", ".png"].contains { name.hasSuffix($0) }
  }
}
