import Torch

/// Random images on which networks are compared in float64.
///
/// Where a network takes images of any size, smaller ones say as much, as long as every layer does there all that it
/// does: at 224 pixels the comparison of an EfficientNet-B0 takes longer than all else that `export` does.
public struct ProofImages: Sendable {
  /// N×C×H×W, in float64.
  public let batch: Tensor
  /// Whether they are smaller than those that the networks are made for.
  public let areSmaller: Bool
  /// Whether a thread has soon computed an image.
  private let isLittle: Bool

  /// Up to so many multiply-accumulates an image the size stays.
  private static let fewMACs = 100_000_000
  private static let images = 4

  /// - Parameters:
  ///   - networks: that read images of one shape.
  ///   - isWhole: whether the size is that of the networks in any case.
  /// - Throws: `NetworkError` when one is not valid.
  public init(for networks: [Network], seed: UInt64 = 0, whole isWhole: Bool = false) throws {
    let whole = networks[0].inputShape
    let macs = try networks.map { try $0.cost().macs }.max() ?? 0
    let smaller = isWhole || macs <= Self.fewMACs ? nil : try Self.smallerShape(for: networks)
    areSmaller = smaller != nil
    isLittle = areSmaller || macs <= Self.fewMACs
    // Two tell whether the output depends on the image.
    let count = macs > Self.fewMACs && smaller == nil ? 2 : Self.images
    batch = Tensor.normal([count] + (smaller ?? whole), dtype: .float64, using: Generator(seed: seed))
  }

  /// What the network gives for them, in float64 from the stored weights.
  ///
  /// - Throws: `NetworkError` when the network is not valid, `TorchError` when there are no threads to be had.
  public func outputs(of network: Network) throws -> Tensor {
    let ready = resized(network).to(.float64)
    guard isLittle else { return try ready(batch) }
    // One image a thread: in float64 a depthwise layer is a call for each channel, too short to be shared out.
    let parts = withoutGradients { (0..<batch.shape[0]).map { batch.slice(axis: 0, from: $0, to: $0 + 1) } }
    let results = try Library.parallel(parts.count) { try ready(parts[$0]) }
    return withoutGradients { Tensor.concatenated(results, axis: 0) }
  }

  /// How far two networks' outputs are apart: of several the one where that is most by its own size, so that a small
  /// output does not hide behind a large one.
  ///
  /// - Parameters:
  ///   - a: what one network gives for the images.
  ///   - b: what the other gives, of the same shape.
  ///   - network: either of the two.
  /// - Returns: the largest |a − b| and the largest |a|; of a value that is not finite, that.
  public func apart(_ a: Tensor, _ b: Tensor, of network: Network) throws -> (difference: Double, value: Double) {
    let outputs = try resized(network).outputs()
    let whole = (difference: (a - b).maximumMagnitude, value: a.maximumMagnitude)
    guard outputs.count > 1, whole.difference.isFinite, whole.value.isFinite else { return whole }
    let parts = outputs.map { output in
      let (from, to) = (output.elements.lowerBound, output.elements.upperBound)
      let (own, other) = (a.slice(axis: 1, from: from, to: to), b.slice(axis: 1, from: from, to: to))
      // What is nothing beside the others is compared with those.
      return (difference: (own - other).maximumMagnitude, value: max(own.maximumMagnitude, 1e-9 * whole.value))
    }
    return parts.max { $0.difference * $1.value < $1.difference * $0.value } ?? whole
  }

  /// The network, made for images of this size.
  public func resized(_ network: Network) -> Network {
    var result = network
    result.inputShape = Array(batch.shape[1...])
    return result
  }

  /// The smallest shape, by sixteenths, that exercises all of the networks.
  private static func smallerShape(for networks: [Network]) throws -> [Int]? {
    let usual = try networks.map { try Exercise($0, $0.inputShape) }
    let whole = networks[0].inputShape
    return (1..<16).lazy.map { part in [whole[0]] + whole[1...].map { ($0 * part + 15) / 16 } }.first { shape in
      zip(networks, usual).allSatisfy { network, usual in
        guard let own = try? Exercise(network, shape) else { return false }
        return own.isAsGood(as: usual)
      }
    }
  }
}

/// What the layers of a network do on images of some size.
private struct Exercise {
  /// Shapes of all values, node by node.
  private let shapes: [[Int]]
  /// The taps of each window, by axis, that meet a pixel at all.
  private let taps: [[Set<Int>]]

  init(_ network: Network, _ input: [Int]) throws {
    var network = network
    network.inputShape = input
    let all = try network.validate()
    shapes = network.nodes.map { all[$0.name] ?? [] }
    taps = network.nodes.map { node in
      let weight = network.parameter(.weight, of: node)?.shape
      guard let window = (node.operation as? any WindowedOperation)?.window(weight: weight),
        let read = all[node.inputs[0]], let made = all[node.name]
      else {
        return []
      }
      return (0..<2).map { window.taps(along: $0, of: read[$0 + 1], places: made[$0 + 1]) }
    }
  }

  /// Every tap that met pixels does, and no axis has become too short for a sum along it to be one.
  func isAsGood(as usual: Exercise) -> Bool {
    taps == usual.taps
      && zip(shapes, usual.shapes).allSatisfy { own, usual in
        own.count == usual.count && zip(own, usual).allSatisfy { $0 >= min($1, 3) }
      }
  }
}

extension Window {
  /// The taps along an axis that meet one of its pixels in one of its places.
  fileprivate func taps(along axis: Int, of pixels: Int, places: Int) -> Set<Int> {
    Set(
      (0..<kernel[axis]).filter { tap in
        (0..<places).contains { place in
          (0..<pixels).contains(place * stride[axis] - padding[axis] + tap * dilation[axis])
        }
      })
  }
}
