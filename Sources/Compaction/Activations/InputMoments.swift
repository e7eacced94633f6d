import Networks
import Torch

/// Second moments of what the layers of a network read: they tell which directions of a layer's matrix matter for
/// images, where the matrix itself only tells which are long.
public struct InputMoments: Sendable {
  /// E[xxᵀ] of the patches that the first factor of each pair reads, its columns in their order, in float64; by the name
  /// of the layer. Around the mean where a batch norm follows, which is measured again after a cut.
  private let second: [String: [Decomposition: Tensor]]
  /// How many images were seen.
  public let images: Int

  fileprivate init(second: [String: [Decomposition: Tensor]], images: Int) {
    self.second = second
    self.images = images
  }

  /// The norm of errors of a layer of `network`.
  ///
  /// - Parameter inputs: those of the layer's inputs that are left, where units are gone that it read; nil is all.
  /// - Returns: nil where no moments were taken.
  func norm(of layer: MatrixLayer, in network: Network, inputs: [Int]?) -> ActivationNorm? {
    guard let second = second[layer.name] else { return nil }
    return ActivationNorm(scale: network.scale(behind: layer), shape: layer.shape) { decomposition in
      guard let whole = second[decomposition] else {
        preconditionFailure("layer \(layer.name) has no \(decomposition.name)")
      }
      guard let inputs else { return whole }
      let taps = decomposition.columnsPerInput(layer.shape)
      let columns = inputs.flatMap { input in (0..<taps).map { input * taps + $0 } }
      return whole.selecting(columns, axis: 0).selecting(columns, axis: 1)
    }
  }
}

/// Takes the moments of a network's layers, batch by batch.
public struct MomentCollector {
  /// Sums over the patches x of a layer, the columns of its matrix.
  private struct Sums {
    /// Σxxᵀ and Σx, in float64.
    var second: Tensor
    var first: Tensor
    var count: Int
  }

  private struct Layer {
    var name: String
    var shape: [Int]
    var operation: any WeightedOperation
    /// Whether a batch norm follows.
    var isNormed: Bool
  }

  /// How many images were seen.
  public private(set) var images = 0
  private var sums: [String: Sums] = [:]
  /// Means of the first batch, about which the moments of layers before a batch norm are taken: values that hardly vary
  /// around a large mean would leave nothing but rounding.
  private var shifts: [String: Tensor] = [:]
  private let program: Program
  /// The layer that each node is the first of.
  private let layers: [Int: Layer]

  /// Places of an image that are looked at, about; more of one image tell little.
  private static let places = 64
  /// Of a layer with more columns no moments are taken: its matrix alone decides.
  private static let mostColumns = 6144

  /// - Throws: `NetworkError` when the network is not valid.
  public init(_ network: Network, on device: Device = .cpu) throws {
    // Unfused, what runs is node after node.
    program = try Program(network.placed(on: device), .reference)
    var layers: [Int: Layer] = [:]
    for layer in network.matrixLayers where layer.obstacle == nil {
      guard layer.shape.dropFirst().reduce(1, *) <= Self.mostColumns,
        let position = network.nodes.firstIndex(where: { $0.name == layer.nodes[0] }),
        let operation = network.nodes[position].operation as? any WeightedOperation
      else { continue }
      layers[position] = Layer(
        name: layer.name, shape: layer.shape, operation: operation,
        isNormed: network.normalization(behind: layer) != nil)
    }
    self.layers = layers
  }

  /// Runs N×C×H×W images through the network, in evaluation.
  public mutating func add(_ images: Tensor) {
    var new: [String: Sums] = [:]
    let layers = layers
    var shifts = shifts
    withoutGradients {
      _ = program.run(images, parameters: program.parameters, mode: .evaluation) { position, inputs in
        guard let layer = layers[position] else { return }
        var x = layer.operation.patches(of: inputs[0], weight: layer.shape, places: Self.places)
        if layer.isNormed {
          let shift = shifts[layer.name] ?? x.sum(axes: [1], keepingAxes: true) / Double(max(1, x.shape[1]))
          shifts[layer.name] = shift
          x = x - shift
        }
        new[layer.name] = Sums(
          second: x.matmul(x.transposed).to(.cpu).to(.float64),
          first: x.sum(axes: [1], keepingAxes: true).to(.cpu).to(.float64), count: x.shape[1])
      }
    }
    self.shifts = shifts
    self.images += images.shape[0]
    sums.merge(new) { old, new in
      Sums(second: old.second + new.second, first: old.first + new.first, count: old.count + new.count)
    }
  }

  /// What the images told.
  public var moments: InputMoments {
    var second: [String: [Decomposition: Tensor]] = [:]
    for layer in layers.values {
      guard let sums = sums[layer.name], sums.count > 0 else { continue }
      let mean = sums.first / Double(sums.count)
      let whole = sums.second / Double(sums.count)
      let moment = layer.isNormed ? whole - mean.matmul(mean.transposed) : whole
      for decomposition in Decomposition.all(for: layer.shape) where decomposition.isPair {
        second[layer.name, default: [:]][decomposition] = decomposition.marginal(of: moment, layer.shape)
      }
    }
    return InputMoments(second: second, images: images)
  }

}

extension Decomposition {
  /// Columns of the unfolding that belong to one input.
  fileprivate func columnsPerInput(_ shape: [Int]) -> Int {
    shape.count == 4 ? columns.dropFirst().map { shape[$0] }.reduce(1, *) : 1
  }

  /// The mean over the taps that the second factor takes of what `second`, S × S, says of the first factor's columns.
  fileprivate func marginal(of second: Tensor, _ shape: [Int]) -> Tensor {
    guard shape.count == 4, self != .spatialFirst else { return second }
    // Rows and columns as C × d_h × d_w × C × d_h × d_w; what the second factor takes is the same on both sides.
    let taps = rows.dropFirst().map { $0 - 1 }
    var sum = second.reshaped([shape[1], shape[2], shape[3], shape[1], shape[2], shape[3]])
    for tap in taps {
      let slices = (0..<shape[tap + 1]).map { place in
        sum.slice(axis: tap, from: place, to: place + 1).slice(axis: tap + 3, from: place, to: place + 1)
      }
      sum = slices.dropFirst().reduce(slices[0], +)
    }
    let side = columns.map { shape[$0] }.reduce(1, *)
    let places = taps.map { shape[$0 + 1] }.reduce(1, *)
    return sum.reshaped([side, side]) / Double(places)
  }
}
