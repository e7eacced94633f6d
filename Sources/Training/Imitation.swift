import Compaction
import Datasets
import Foundation
import Interchange
import Networks
import Torch

/// What a network learns that is to give what another gives, on images without labels: a distance for every output.
///
/// All distances are free of scale, so that outputs of different kinds can be added up: mean squared errors are divided
/// by the output's own variance, and outputs that score classes are compared as probabilities (Hinton, Vinyals & Dean
/// 2015, arXiv 1503.02531, at temperature 1).
public struct Imitation: Sendable, Equatable {
  /// One output of the network.
  public struct Output: Sendable, Equatable {
    /// Nil where it is the only one, without a name.
    public var name: String?
    public var shape: [Int]
    /// Where its elements lie in the network's result, laid out as a vector for each image.
    public var elements: Range<Int>
    public var distance: Distance
    /// How much its distance weighs in the sum.
    public var weight = 1.0

    /// What it is called in sentences.
    var words: String { name ?? "the output" }

    /// How it is learnt, in a sentence.
    var note: String {
      switch distance {
      case .values:
        "\(words) is learnt by its values (mean squared error by their variance)"
          + (shape.contains { $0 > 1 } ? "; if it scores classes, say so with `scores`" : "")
      case .scores(let axis, _): "\(words) is learnt as the probabilities of \(shape[axis]) classes"
      }
    }
  }

  /// How an output is compared with the original's.
  public enum Distance: Sendable, Equatable {
    /// The mean squared error by this variance.
    case values(variance: Double)
    /// The mean of KL(original ‖ own) over places, of the classes along an axis of the output's shape.
    case scores(axis: Int, areProbabilities: Bool)
  }

  public var outputs: [Output]

  /// The sum of the outputs' distances.
  ///
  /// - Parameters:
  ///   - result: the network's, N×…, with gradients.
  ///   - original: what the other network gives for the same images.
  func loss(_ result: Tensor, _ original: Tensor) -> Tensor {
    let (own, given) = (result.flattened(from: 1), original.flattened(from: 1))
    let terms = outputs.filter { $0.weight > 0 }.map { output in
      output.distance(own.part(output), given.part(output)) * output.weight
    }
    return terms.dropFirst().reduce(terms[0], +)
  }
}

extension Imitation.Output {
  /// - Parameters:
  ///   - own: N×elements.
  ///   - original: the same of the original.
  fileprivate func distance(_ own: Tensor, _ original: Tensor) -> Tensor {
    switch distance {
    case .values(let variance):
      let difference = own - original
      return (difference * difference).sum / (Double(difference.count) * variance)
    case .scores(let axis, let areProbabilities):
      return logits(own, axis, areProbabilities).divergence(from: logits(original, axis, areProbabilities))
    }
  }

  /// Places × classes, as logits.
  func logits(_ rows: Tensor, _ axis: Int, _ areProbabilities: Bool) -> Tensor {
    let values = classesLast(rows, axis)
    // Logarithms of probabilities are logits; none is taken of zero.
    return areProbabilities ? (values + 1e-12).logarithm : values
  }

  /// Places × classes, for N×elements.
  func classesLast(_ rows: Tensor, _ axis: Int) -> Tensor {
    let order = [0] + shape.indices.filter { $0 != axis }.map { $0 + 1 } + [axis + 1]
    return rows.reshaped([-1] + shape).permuted(order).reshaped([-1, shape[axis]])
  }
}

extension Tensor {
  /// The elements of one output of N×all elements.
  func part(_ output: Imitation.Output) -> Tensor {
    slice(axis: 1, from: output.elements.lowerBound, to: output.elements.upperBound)
  }
}
