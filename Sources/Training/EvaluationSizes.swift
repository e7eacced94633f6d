import Datasets
import Networks
import Torch

extension Network {
  /// How many images are computed at once outside of training: 250 small ones, fewer where they are large.
  ///
  /// The largest values of a layer, of all images together, take 24 MB at most on the CPU, and 1 GB elsewhere. With
  /// 200 photographs of 224 pixels at once a mobilenet_v2 takes 2.5 times as long and eight times the memory
  /// (Documentation/results.md).
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  public func evaluationBatchSize(on device: Device = .cpu) throws -> Int {
    let bytes = try validate().values.map { 4 * $0.reduce(1, *) }.max() ?? 4
    let most = device == .cpu ? 24_000_000 : 1_000_000_000
    return max(1, min(250, most / bytes))
  }
}

/// How many images batch norms are measured on, and how many at once.
public struct StatisticsSample: Sendable, Equatable {
  public var batches: Int
  public var batchSize: Int

  public init(batches: Int, batchSize: Int) { (self.batches, self.batchSize) = (batches, batchSize) }

  /// 60 batches of 128 images of 32×32 pixels. Of larger images fewer, since each has more places to measure at, but
  /// not fewer than 1,280, and in batches of 32 at least.
  public init(of shape: ImageShape) {
    let share = min(1, 1024 / Double(shape.height * shape.width))
    batchSize = max(32, Int(128 * share))
    let images = max(1280, Int(60 * 128 * share))
    batches = (images + batchSize - 1) / batchSize
  }

  /// The images of all batches, where there are so many.
  public func images(of count: Int) -> Int { min(batches * batchSize, count) }
}
