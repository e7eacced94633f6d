/// Reads MNIST and its relatives: four IDX files of bytes, gzipped or not.
///
/// Format: http://yann.lecun.com/exdb/mnist (big-endian: 0, 0, type 8, number of axes, the axes, the bytes).
enum IDX {
  static let trainImages = "train-images-idx3-ubyte"

  /// The data set in a folder.
  static func dataset(
    name: String, in folder: String, classNames: [String]?, normalization: Normalization?, augmentation: Augmentation
  ) throws(DatasetError) -> Dataset {
    let train = try images(in: folder, prefix: "train", classes: classNames?.count)
    let test = try images(in: folder, prefix: "t10k", classes: classNames?.count)
    guard train.shape == test.shape else {
      let found = "\(test.shape.height)x\(test.shape.width)"
      let expected = "\(train.shape.height)x\(train.shape.width)"
      throw .malformed(path: folder, problem: "has test images of \(found) pixels, but training images of \(expected)")
    }
    let highest = max(train.labels.max() ?? 0, test.labels.max() ?? 0)
    var result = Dataset(
      name: name, classNames: classNames ?? (0...highest).map { "\($0)" },
      normalization: normalization ?? Normalization(of: train), augmentation: augmentation, train: train, test: test)
    result.namesClasses = classNames != nil
    return result
  }

  private static func images(in folder: String, prefix: String, classes: Int?) throws(DatasetError) -> InMemoryImages {
    let pixels = try array(in: folder, "\(prefix)-images-idx3-ubyte", axes: 3)
    let labels = try array(in: folder, "\(prefix)-labels-idx1-ubyte", axes: 1)
    guard pixels.axes[0] == labels.axes[0] else {
      throw .malformed(
        path: labels.path, problem: "has \(labels.axes[0]) labels for \(pixels.axes[0]) images; fetch both again")
    }
    if let classes, let label = labels.bytes.first(where: { Int($0) >= classes }) {
      throw .malformed(
        path: labels.path, problem: "has the label \(label), expected 0 to \(classes - 1); fetch it again")
    }
    let shape = ImageShape(channels: 1, height: pixels.axes[1], width: pixels.axes[2])
    return InMemoryImages(shape: shape, pixels: pixels.bytes, labels: labels.bytes)
  }

  private typealias ByteArray = (path: String, axes: [Int], bytes: [UInt8])

  /// An array of bytes with the expected number of axes, from `name` or `name.gz`.
  private static func array(in folder: String, _ name: String, axes: Int) throws(DatasetError) -> ByteArray {
    let path = folder + "/" + name
    let file = try FrontToBack(sizeOfFile(path) == nil && sizeOfFile(path + ".gz") != nil ? path + ".gz" : path)
    let header = try file.read(4 + 4 * axes)
    guard header.count == 4 + 4 * axes else {
      throw .malformed(
        path: file.path, problem: "ends after \(header.count) bytes, within its header; fetch it again")
    }
    guard header.prefix(4).elementsEqual([0, 0, 8, UInt8(axes)]) else {
      throw .malformed(
        path: file.path,
        problem: "begins with \(Array(header.prefix(4))), expected [0, 0, 8, \(axes)], an IDX file of bytes")
    }
    let sizes = (0..<axes).map { axis in header[(4 + 4 * axis)...].prefix(4).reduce(0) { $0 << 8 | Int($1) } }
    let count = try product(of: sizes, in: file)
    let bytes = try file.read(count)
    guard bytes.count == count else {
      let expected = "expected \(grouped(count)) after its header"
      throw .malformed(path: file.path, problem: "has \(grouped(bytes.count)) bytes, \(expected); fetch it again")
    }
    guard try file.read(1).isEmpty else {
      throw .malformed(path: file.path, problem: "goes on after the \(grouped(count)) bytes expected; fetch it again")
    }
    return (file.path, sizes, bytes)
  }

  /// How many bytes the axes announce, unless no file of this size could hold them.
  private static func product(of sizes: [Int], in file: FrontToBack) throws(DatasetError) -> Int {
    var product = 1
    for size in sizes {
      let (next, overflow) = product.multipliedReportingOverflow(by: size)
      guard size > 0, !overflow, next <= file.mostLeft else {
        let shape = sizes.map { "\($0)" }.joined(separator: "x")
        throw .malformed(path: file.path, problem: "says it holds \(shape) bytes, which it cannot; fetch it again")
      }
      product = next
    }
    return product
  }
}
