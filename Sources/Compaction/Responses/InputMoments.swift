import Networks
import Torch

/// First and second moments of what the layers of a network read: they tell which directions of a layer's matrix matter
/// for images, where the matrix itself only tells which are long.
public struct InputMoments: Sendable {
  /// Sums over patches x ∈ R^S, the columns of the layer's matrix in its order.
  struct Sums: Sendable {
    /// Σxxᵀ, S × S in float64.
    var second: Tensor
    /// Σx, S × 1.
    var first: Tensor
    var count: Int
  }

  /// By the name of the layer.
  private(set) var sums: [String: Sums] = [:]
  /// How many images were seen.
  public private(set) var images = 0

  /// Of a larger S no moments are taken: its matrix alone decides.
  static let largest = 6144

  /// The mean of x·xᵀ of a layer, or its covariance; nil where none was taken.
  ///
  /// - Parameters:
  ///   - columns: which columns of the matrix are left, where units are gone that it read.
  ///   - centred: whether the mean counts for nothing, as before a batch norm that is measured again.
  func second(of layer: String, columns: [Int]?, centred: Bool) -> Tensor? {
    guard let sums = sums[layer], sums.count > 0 else { return nil }
    func kept(_ tensor: Tensor, _ axis: Int) -> Tensor { columns.map { tensor.selecting($0, axis: axis) } ?? tensor }
    let second = kept(kept(sums.second, 0), 1) / Double(sums.count)
    guard centred else { return second }
    let mean = kept(sums.first, 0) / Double(sums.count)
    return second - mean.matmul(mean.transposed)
  }
}

/// Takes the moments of a network's layers, batch by batch.
public struct MomentCollector {
  public private(set) var moments = InputMoments()
  private let execution: Execution
  private let parameters: [Tensor]
  /// The layer that each node is the first of.
  private let layers: [Int: (name: String, kernel: [Int], geometry: ConvolutionGeometry?)]

  /// Places of an image that are looked at, about; more of one image tell little.
  static let places = 64

  /// - Throws: `NetworkError` when the network is not valid.
  public init(_ network: Network, on device: Device = .cpu) throws {
    // Unfused, what runs is node after node.
    execution = try Execution(network, fusing: false)
    parameters = network.parameters(of: execution, on: device)
    var layers: [Int: (name: String, kernel: [Int], geometry: ConvolutionGeometry?)] = [:]
    for layer in network.matrixLayers where layer.obstacle == nil {
      let shape = network.wholeShape(of: layer)
      guard shape.dropFirst().reduce(1, *) <= InputMoments.largest,
        let position = network.nodes.firstIndex(where: { $0.name == layer.nodes[0] })
      else { continue }
      let convolution = network.nodes[position].operation as? Convolution
      layers[position] = (layer.name, Array(shape.dropFirst(2)), convolution?.geometry)
    }
    self.layers = layers
  }

  /// Runs N×C×H×W images through the network, in evaluation.
  public mutating func add(_ images: Tensor) {
    var new: [String: InputMoments.Sums] = [:]
    let layers = layers
    withoutGradients {
      _ = execution.run(images, parameters: parameters, mode: .evaluation) { position, inputs in
        guard let layer = layers[position] else { return }
        // Patches as columns.
        let x = Self.patches(inputs[0], layer.kernel, layer.geometry)
        new[layer.name] = InputMoments.Sums(
          second: x.matmul(x.transposed).to(.cpu).to(.float64),
          first: x.sum(axes: [1], keepingAxes: true).to(.cpu).to(.float64), count: x.shape[1])
      }
    }
    moments.add(new, images: images.shape[0])
  }

  /// S × patches, at places spread evenly over each image.
  private static func patches(_ input: Tensor, _ kernel: [Int], _ geometry: ConvolutionGeometry?) -> Tensor {
    guard var geometry else { return input.reshaped([-1, input.shape.last ?? 1]).transposed }
    let area = input.shape[2] * input.shape[3] / (geometry.stride[0] * geometry.stride[1])
    let step = max(1, Int((Double(area) / Double(places)).squareRoot()))
    geometry.stride = geometry.stride.map { $0 * step }
    let patches = input.patches(kernel: kernel, geometry)
    return patches.permuted([1, 0, 2]).reshaped([patches.shape[1], -1])
  }
}

extension InputMoments {
  fileprivate mutating func add(_ new: [String: Sums], images: Int) {
    self.images += images
    sums.merge(new) { old, new in
      Sums(second: old.second + new.second, first: old.first + new.first, count: old.count + new.count)
    }
  }
}
