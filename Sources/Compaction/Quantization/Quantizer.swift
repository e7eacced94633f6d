import Foundation
import Networks
import Torch

/// Quantises a network by the ranges that its values have for images.
///
/// First every image is given for the ranges, then every image again for how numbers are spread within them.
public struct Quantizer {
  /// The network with its batch norms in the layers before them: what is quantised, and compared with.
  public let folded: Network
  private let settings: QuantizationSettings
  private let sites: QuantizationSites
  private let device: Device
  private var collector: HistogramCollector

  public enum Pass: Sendable { case ranges, counts }

  /// - Throws: `QuantizationError` when no layer can be quantised, `NetworkError`.
  public init(_ network: Network, _ settings: QuantizationSettings, on device: Device = .cpu) throws {
    try self.init(folded: network.foldingBatchNorm(), settings, on: device)
  }

  private init(folded: Network, _ settings: QuantizationSettings, on device: Device) throws {
    let skipped = settings.skip.map(Pattern.init)
    let sites = QuantizationSites(of: folded) { name in skipped.contains { $0.matches(name) } }
    guard !sites.layers.isEmpty else {
      throw QuantizationError("no layer of the network would be quantised; leave fewer of them out")
    }
    collector = try HistogramCollector(folded, sites.values.filter { sites.sources[$0] == nil }, on: device)
    (self.folded, self.settings, self.sites, self.device) = (folded, settings, sites, device)
  }

  public mutating func add(_ images: Tensor, _ pass: Pass) {
    switch pass {
    case .ranges: collector.widen(to: images)
    case .counts: collector.count(images)
    }
  }

  /// The same of the network with channels between layers scaled, which has to be given its images from the start; nil
  /// where there are no such layers.
  ///
  /// - Throws: `NetworkError`.
  public func equalized() throws -> Quantizer? {
    guard !collector.reaches.isEmpty else { return nil }
    return try Quantizer(folded: folded.equalized(collector.reaches), settings, on: device)
  }

  /// The quantised network.
  ///
  /// - Throws: `QuantizationError` naming a value that has numbers that are not finite.
  public func network(by ranges: RangeEstimator) throws -> Network {
    let grids = try collector.checked(in: sites.values).mapValues { ranges.grid(for: $0, settings.activations) }
    return try folded.quantized(sites, grids: grids, settings)
  }

  /// What became of every layer.
  ///
  /// - Parameter images: for the errors of what layers give.
  public func layers(of quantized: Network, on images: Tensor) throws -> [QuantizedLayer] {
    let names = folded.matrixLayers.flatMap(\.nodes)
    var before: [String: Tensor] = [:]
    try ValueProbe(folded, names, on: device)(images) { before[$0] = $1 }
    var noises: [String: Double] = [:]
    try ValueProbe(quantized, names, on: device)(images) { name, value in
      guard let wanted = before[name]?.to(.float64) else { return }
      let error = value.to(.float64) - wanted
      noises[name] = 10 * log10((wanted * wanted).sum.item / max((error * error).sum.item, .leastNormalMagnitude))
    }
    let reasons = Dictionary(sites.left.map { ($0.layer, $0.reason) }, uniquingKeysWith: { first, _ in first })
    return names.map { name in
      let weight = folded[name].flatMap { folded.parameter(.weight, of: $0) }
      return QuantizedLayer(
        name: name, shape: weight?.shape ?? [], signalToNoise: noises[name] ?? .infinity,
        floatReason: sites.layers.contains(name) ? nil : reasons[name] ?? "reads nothing that changes")
    }
  }
}

/// What quantising made of a layer.
public struct QuantizedLayer: Sendable, Encodable {
  public var name: String
  /// Of its weight.
  public var shape: [Int]
  /// Of what it gives, all errors before it included, in decibels: 10·log₁₀(Σy²/Σ(y − ŷ)²).
  public var signalToNoise: Double
  /// Why it stays in float32; nil where it is in 8 bits.
  public var floatReason: String?
}
