import Networks
import Torch

/// How the numbers of one value are spread over images.
public struct ValueHistogram: Sendable {
  public private(set) var low: Double
  public private(set) var high: Double
  /// Of as many equal parts of low…high.
  private(set) var counts: [Double] = []

  static let bins = 2048

  init(low: Double, high: Double) { (self.low, self.high) = (low, high) }

  /// The number in the middle of a bin.
  func center(_ bin: Int) -> Double { low + (Double(bin) + 0.5) * (high - low) / Double(counts.count) }

  mutating func widen(to values: Tensor) {
    let (least, largest) = values.extremes
    // What is not finite stays, to be found.
    low = least < low || !least.isFinite ? least : low
    high = largest > high || !largest.isFinite ? largest : high
  }

  mutating func count(_ values: Tensor) {
    guard high > low else { return }
    let new = values.to(.float32).histogram(bins: Self.bins, low: low, high: high).doubles
    counts = counts.isEmpty ? new : zip(counts, new).map { $0 + $1 }
  }
}

/// Takes the histograms of values of a network: all images are run twice, since bins follow from the range.
struct HistogramCollector {
  private(set) var histograms: [String: ValueHistogram] = [:]
  /// The largest magnitude of every channel of values between pairs.
  private(set) var reaches: [String: [Double]] = [:]
  private let probe: ValueProbe
  /// Of values between pairs, the axis of the channels.
  private let channelAxes: [String: Int]

  /// - Throws: `NetworkError` when the network is not valid.
  init(_ network: Network, _ values: [String], on device: Device) throws {
    let shapes = try network.validate()
    // Of tokens the channels lie along the last axis.
    channelAxes = Dictionary(
      network.equalizablePairs.map { ($0.value, shapes[$0.value]?.count == 3 ? 1 : shapes[$0.value]?.count ?? 1) },
      uniquingKeysWith: { first, _ in first })
    probe = try ValueProbe(network, Set(values).union(channelAxes.keys), on: device)
    histograms = Dictionary(
      values.map { ($0, ValueHistogram(low: 0, high: 0)) }, uniquingKeysWith: { first, _ in first })
  }

  /// First, of all images: the ranges.
  mutating func widen(to images: Tensor) {
    var (found, reaches) = (histograms, reaches)
    probe(images) { name, value in
      found[name]?.widen(to: value)
      guard let axis = channelAxes[name] else { return }
      let own = value.magnitude.max(axes: value.shape.indices.filter { $0 != axis }).doubles
      reaches[name] = reaches[name].map { zip($0, own).map(max) } ?? own
    }
    (histograms, self.reaches) = (found, reaches)
  }

  /// Then, of all images again: the counts.
  mutating func count(_ images: Tensor) {
    var found = histograms
    probe(images) { name, value in found[name]?.count(value) }
    histograms = found
  }

  /// - Parameter order: of the values in the network.
  /// - Throws: `QuantizationError` naming the first value that has numbers that are not finite.
  func checked(in order: [String]) throws -> [String: ValueHistogram] {
    for name in order {
      guard let own = histograms[name], !(own.low.isFinite && own.high.isFinite) else { continue }
      throw QuantizationError(
        "\(name) reaches \(own.low) to \(own.high) on the images, expected finite numbers; check the weights")
    }
    return histograms
  }
}
