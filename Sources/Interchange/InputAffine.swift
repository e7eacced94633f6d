import Networks
import Torch

/// What a network does to each channel of its images before anything else: scale·x + shift.
///
/// Networks that were exported with their preprocessing inside begin so.
struct InputAffine {
  /// For each channel of the input.
  private(set) var scale: [Double]
  private(set) var shift: [Double]
  /// The nodes that hold its numbers.
  private(set) var stored: [String] = []
  /// The axis that the channels are on so far, and which channel of the input each of them is.
  private var axis = 0
  private var order: [Int]

  init(of network: Network) {
    let channels = network.inputShape[0]
    (scale, shift) = (Array(repeating: 1, count: channels), Array(repeating: 0, count: channels))
    order = Array(0..<channels)
    var name = Network.inputName
    while case let readers = network.readers(of: name), readers.count == 1, follow(readers[0], name, in: network) {
      name = readers[0].name
    }
  }

  /// Takes a node along that reads `name`; false where it does something else.
  private mutating func follow(_ node: Node, _ name: String, in network: Network) -> Bool {
    switch node.operation {
    case let affine as Affine: for channel in order { apply(affine.scale, affine.shift, to: channel) }
    case let transpose as Transpose:
      guard let place = transpose.permutation.firstIndex(of: axis) else { return false }
      axis = place
    case let gather as Gather where gather.axis == axis && gather.indices.sorted() == Array(order.indices):
      order = gather.indices.map { order[$0] }
    case let norm as BatchNorm where axis == 0: return follow(norm, node, in: network)
    case let elementwise as Elementwise: return follow(elementwise, node, name, in: network)
    default: return false
    }
    return true
  }

  private mutating func follow(_ norm: BatchNorm, _ node: Node, in network: Network) -> Bool {
    func numbers(_ role: Role) -> [Double]? { network.parameter(role, of: node)?.doubles }
    guard let means = numbers(.runningMean), let variances = numbers(.runningVariance) else { return false }
    let (weights, biases) = (numbers(.weight), numbers(.bias))
    for (place, channel) in order.enumerated() {
      let factor = (weights?[place] ?? 1) / (variances[place] + norm.epsilon).squareRoot()
      apply(factor, (biases?[place] ?? 0) - factor * means[place], to: channel)
    }
    return true
  }

  private mutating func follow(
    _ elementwise: Elementwise, _ node: Node, _ name: String, in network: Network
  ) -> Bool {
    let isFirst = node.inputs[0] == name
    guard node.inputs.count == 2, let other = network[node.inputs[isFirst ? 1 : 0]], other.operation is Stored,
      let tensor = network.parameter(.weight, of: other) ?? network.parameter(.constant, of: other),
      tensor.count == 1 || tensor.count == order.count && tensor.shape[axis] == order.count,
      elementwise != .divide || isFirst
    else { return false }
    stored.append(other.name)
    let numbers = tensor.doubles
    for (place, channel) in order.enumerated() {
      let number = numbers[numbers.count == 1 ? 0 : place]
      switch elementwise {
      case .add: apply(1, number, to: channel)
      case .subtract: apply(isFirst ? 1 : -1, isFirst ? -number : number, to: channel)
      case .multiply: apply(number, 0, to: channel)
      case .divide: apply(1 / number, 0, to: channel)
      }
    }
    return true
  }

  /// Puts factor·y + term behind what a channel goes through.
  private mutating func apply(_ factor: Double, _ term: Double, to channel: Int) {
    scale[channel] *= factor
    shift[channel] = factor * shift[channel] + term
  }
}

// MARK: What it says of the images

extension InputAffine {
  /// What is subtracted from the images, and what they are divided by then.
  var mean: [Double] { zip(scale, shift).map { -$1 / $0 } }
  var std: [Double] { scale.map { 1 / $0 } }

  /// What white is in images that this normalises: 255, or 1; nil where it is no normalisation of either.
  ///
  /// Means and standard deviations of images are known well enough: in units of 0…1 about 0.1 to 0.65 and 0.15 to 0.6.
  var white: Double? {
    let numbers = Array(zip(mean, std))
    guard numbers.allSatisfy({ $0.isFinite && $1.isFinite && $1 > 0 }) else { return nil }
    func isNear(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 0.01 * abs(b) }
    if numbers.allSatisfy({ (-1...255).contains($0) && (10...300).contains($1) }) { return 255 }
    // The mean alone is subtracted from raw pixels.
    if numbers.allSatisfy({ (50...200).contains($0) && isNear($1, 1) }) { return 255 }
    if numbers.allSatisfy({ (0.1...0.65).contains($0) && ((0.15...0.6).contains($1) || isNear($1, 1)) }) { return 1 }
    if numbers.allSatisfy({ abs($0) < 0.01 && isNear($1, 1 / 255) }) { return 1 }
    return nil
  }

  /// Whether the means are those of ImageNet's blue, green and red.
  var isBlueFirst: Bool {
    guard let white, mean.count == 3 else { return false }
    return zip(mean, [0.406, 0.456, 0.485]).allSatisfy { abs($0 / white - $1) < 0.012 }
  }
}
