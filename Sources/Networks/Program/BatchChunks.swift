import Torch

/// How a batch goes through a network in inference: a few images at a time, each few on one thread from the first
/// instruction to the last, so that what instructions hand on stays in the second cache and threads wait for one
/// another once a batch.
///
/// Only for networks whose weights are small: they are read anew for every few images.
public struct BatchChunks: Sendable {
  /// What instructions of one chunk read and write at once, and weights, in bytes.
  private static let cache = 1 << 20, mostWeights = 4 << 20
  /// How much longer than evenly the longest chunk may take.
  private static let mostUneven = 1.25

  /// Images at a time, at most.
  private let images: Int

  /// Nil where it would not pay.
  init?(_ lowered: LoweredNetwork) {
    func bytes(_ value: String) -> Int { 4 * (lowered.shapes[value] ?? []).reduce(1, *) }
    let weights = 4 * lowered.network.parameters.values.map(\.count).reduce(0, +)
    let most = lowered.instructions.map { ($0.inputs + [$0.result]).map(bytes).reduce(0, +) }.max() ?? 0
    guard weights <= Self.mostWeights, most > 0, most <= Self.cache else { return nil }
    images = Self.cache / most
  }

  /// The images of each chunk of a batch, of which every thread takes equally many; nil where it stays whole.
  public func ranges(of batch: Int, threads: Int) -> [Range<Int>]? {
    let least = (batch + images - 1) / images
    let count = (least + threads - 1) / threads * threads
    let longest = count > 0 ? (batch + count - 1) / count : 0
    guard count > 1, Double(longest * count) <= Self.mostUneven * Double(batch) else { return nil }
    return (0..<count).map { $0 * batch / count..<($0 + 1) * batch / count }
  }
}

extension Network {
  /// How inference cuts batches of the network into chunks; nil where every instruction takes all images.
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  public func batchChunks() throws -> BatchChunks? { BatchChunks(try lowered(.inference(batch: 1))) }
}
