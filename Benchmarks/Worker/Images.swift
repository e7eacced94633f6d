import Datasets

/// The images that are learnt from: CIFAR-10's, or made-up bytes, which take exactly as long.
enum Images {
  /// Height and width of CIFAR-10's.
  static let size = 32
  static let classes = 10

  /// A batch of `count` images that stays what it is.
  static func fixedBatch(_ count: Int, size: Int = Images.size) throws -> Batch {
    let data = madeUp(count, size: size)
    guard let batch = try BatchLoader(data.train, .evaluation(data, batchSize: count)).next() else {
      throw BenchmarkError("a batch of \(count) images is empty")
    }
    return batch
  }

  /// The first `count` training images of CIFAR-10's binary version in `folder`, made-up ones where there is none.
  static func dataset(_ count: Int, from folder: String?) throws -> Dataset {
    guard let folder else { return madeUp(count) }
    var data = try DatasetFinder(dataDirectory: folder, environment: [:]).load("cifar10")
    guard data.train.count >= count else {
      throw BenchmarkError("\(folder) has \(data.train.count) training images, expected at least \(count)")
    }
    data.train = ImageSubset(of: data.train, indices: Array(0..<count))
    return data
  }

  private static func madeUp(_ count: Int, size: Int = Images.size) -> Dataset {
    var random = RandomStream(seed: 0)
    let shape = ImageShape(channels: 3, height: size, width: size)
    let pixels = (0..<count * shape.count).map { _ in UInt8(random.below(256)) }
    let images = InMemoryImages(
      shape: shape, pixels: pixels, labels: (0..<count).map { _ in UInt8(random.below(classes)) })
    return Dataset(
      name: "made up", classNames: (0..<classes).map { "\($0)" }, normalization: .cifar10,
      augmentation: Augmentation(crop: .padded(4), flips: true), train: images, test: images)
  }
}
