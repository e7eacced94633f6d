import Foundation

/// The batches of one pass over an image source, prepared ahead on threads of its own that never touch libtorch.
///
/// ```swift
/// let loader = BatchLoader(data.train, .training(data, batchSize: 128, seed: 1, epoch: 0))
/// while let batch = try loader.next() { … }
/// ```
/// The order and the augmentation depend on seed and epoch alone, so a pass begun at batch k equals the rest of a whole
/// one. Letting go of the loader stops its threads and waits for the image each is at.
public final class BatchLoader {
  /// What a pass shows of its images, and how.
  public struct Options: Sendable {
    public var batchSize: Int
    public var normalization: Normalization
    public var augmentation: Augmentation
    public var order: Order
    /// Which pass this is; another epoch is another order and other crops.
    public var epoch: Int
    /// The batch to begin at, to resume within an epoch.
    public var firstBatch: Int
    /// Whether a last, smaller batch is left out.
    public var dropsLast: Bool
    /// How many threads prepare batches, each in memory of its own; large batches get fewer.
    public var threads: Int

    /// Shuffled and varied, as `data` suggests, by as many threads as it has workers.
    public static func training(
      _ data: Dataset, batchSize: Int, seed: UInt64, epoch: Int, firstBatch: Int = 0
    ) -> Options {
      Options(
        batchSize: batchSize, normalization: data.normalization, augmentation: data.augmentation,
        order: .shuffled(seed: seed), epoch: epoch, firstBatch: firstBatch, dropsLast: false, threads: data.workers)
    }

    /// Shuffled, but varied by nothing that makes another kind of image of them: what a network is measured on.
    public static func measuring(_ data: Dataset, batchSize: Int, seed: UInt64) -> Options {
      var options = training(data, batchSize: batchSize, seed: seed, epoch: 0)
      options.augmentation = data.augmentation.withoutDistortion
      return options
    }

    /// In order and as they are, by as many threads as `data` has workers.
    public static func evaluation(_ data: Dataset, batchSize: Int) -> Options {
      Options(
        batchSize: batchSize, normalization: data.normalization, augmentation: .none, order: .asStored, epoch: 0,
        firstBatch: 0, dropsLast: false, threads: data.workers)
    }
  }

  /// The order in which a pass takes its images.
  public enum Order: Sendable, Hashable {
    case asStored
    /// Another permutation in every epoch. The seed also drives the augmentation.
    case shuffled(seed: UInt64)
  }

  /// The images of this pass.
  public let source: any ImageSource
  /// How many batches a whole pass has, whichever it begins at.
  public let batchCount: Int
  private let ring: BatchRing

  public init(_ source: any ImageSource, _ options: Options) {
    let work = BatchWork(source: source, options: options)
    self.source = source
    self.batchCount = work.batchCount
    self.ring = BatchRing(work: work, firstBatch: options.firstBatch, threads: Self.threads(options, source.shape))
    ring.start()
  }

  /// As many threads as are wanted, or fewer, at least one, where their batches would take more than a gigabyte.
  static func threads(_ options: Options, _ shape: ImageShape) -> Int {
    let batch = options.batchSize * shape.count * MemoryLayout<Float>.size
    // One with the consumer and one waiting.
    return max(1, min(options.threads, (1 << 30) / batch - 2))
  }

  deinit { ring.stop() }

  /// The next batch, or nil after the last; its pointers hold good until the next call, which lets the buffer be
  /// reused.
  ///
  /// - Throws: what reading or decoding an image of the batch threw; every later call throws it again.
  public func next() throws -> Batch? { try ring.next() }
}

/// Normalised images and their labels, in buffers that belong to the loader.
///
/// The contents change after the following `next()`; the memory itself stays allocated while a batch is alive.
public struct Batch {
  /// count × height × width × channels numbers: channels last.
  public let images: UnsafeMutablePointer<Float>
  /// One class for each image.
  public let labels: UnsafeMutablePointer<Int64>
  /// How many images there are; the last batch of a pass may be smaller.
  public let count: Int
  /// The shape of one image.
  public let shape: ImageShape
  /// Which batch of the epoch this is, from 0.
  public let number: Int
  /// Keeps the memory.
  let owner: BatchRing
}

/// Fills batch k: what loader threads do, with no state but the caller's buffers.
struct BatchWork: Sendable {
  let source: any ImageSource
  let options: BatchLoader.Options
  let batchCount: Int
  private let permutation: [Int]?
  private let seed: UInt64
  private let table: [Float]

  init(source: any ImageSource, options: BatchLoader.Options) {
    precondition(options.batchSize > 0, "a batch holds at least one image, not \(options.batchSize)")
    precondition(options.firstBatch >= 0, "a pass begins at batch 0 or later, not \(options.firstBatch)")
    precondition(
      options.normalization.mean.count == source.shape.channels, "one mean and std for each channel of \(source.shape)")
    self.source = source
    self.options = options
    let extra = options.dropsLast ? 0 : options.batchSize - 1
    batchCount = (source.count + extra) / options.batchSize
    table = options.normalization.table
    switch options.order {
    case .asStored: (permutation, seed) = (nil, 0)
    case .shuffled(let seed):
      var indices = Array(0..<source.count)
      var random = RandomStream(seed: seed, purpose: .order, epoch: options.epoch)
      indices.shuffle(using: &random)
      (permutation, self.seed) = (indices, seed)
    }
  }

  /// How many images batch `number` holds.
  func count(of number: Int) -> Int { min(options.batchSize, source.count - number * options.batchSize) }

  func fill(
    _ number: Int, images: UnsafeMutablePointer<Float>, labels: UnsafeMutablePointer<Int64>,
    bytes: UnsafeMutablePointer<UInt8>, unless stopped: () -> Bool
  ) throws {
    let transform = PixelTransform(shape: source.shape, augmentation: options.augmentation, table: table)
    let first = number * options.batchSize
    for position in 0..<count(of: number) {
      // An image in memory costs less than the question; a photograph far more.
      if position & 15 == 0, stopped() { return }
      let index = permutation?[first + position] ?? first + position
      var random = RandomStream(seed: seed, purpose: .augmentation, epoch: options.epoch, index: index)
      try source.write(index, crop: options.augmentation.crop, random: &random, to: bytes)
      transform.apply(to: bytes, random: &random, output: images + position * source.shape.count)
      labels[position] = Int64(source.label(at: index))
    }
  }
}
