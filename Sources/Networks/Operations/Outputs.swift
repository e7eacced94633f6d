import Torch

/// Several values of a network as its one result: each laid out as a vector, one behind the other.
///
/// A network has one result, which is what training, proofs and measurements look at. One that gives several values
/// ends in this operation; files of other programs get each value by itself, under its name.
public struct Outputs: Operation, Hashable {
  public static let kind = "outputs"
  /// What the values are called, in the order in which they are read.
  public var names: [String]

  public init(_ names: [String]) { self.names = names }

  public func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int] {
    guard !names.isEmpty, Set(names).count == names.count else {
      throw NetworkError("names its values \(names), expected one name or more, each once")
    }
    try Expect.inputs(inputs, names.count)
    return [inputs.map { $0.reduce(1, *) }.reduce(0, +)]
  }

  /// A constant has a batch of one, which is spread over the others'.
  public func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor {
    let batch = inputs.map { $0.shape[0] }.max() ?? 1
    let rows = inputs.map { value in
      let row = value.flattened(from: 1)
      return row.shape[0] == batch ? row : row.expanded([batch, -1])
    }
    return rows.count == 1 ? rows[0] : Tensor.concatenated(rows, axis: 1)
  }

  public var quantizationRule: QuantizationRule { .moves }

  public func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int { 0 }

  /// What a network gives stays as it is.
  public func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel] {
    for channels in site.inputs { coupling.freeze(channels) }
    return coupling.makeFrozenChannels(site.inputShapes.map { $0.reduce(1, *) }.reduce(0, +))
  }

  public func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]
  {
    Array(repeating: .varying, count: shapes.map { $0.reduce(1, *) }.reduce(0, +))
  }
}

/// One of the values that a network gives for an image.
public struct NetworkOutput: Sendable, Equatable, CustomStringConvertible {
  /// What it is called; nil where the network gives it alone, and files say its name.
  public var name: String?
  /// The node that makes it.
  public var node: String
  /// For one image.
  public var shape: [Int]
  /// Where its elements lie in the network's result, laid out as a vector for each image.
  public var elements: Range<Int>

  /// Name and shape, as `map 3×32×32`.
  public var description: String {
    [name, shape.map(String.init).joined(separator: "×")].compactMap(\.self).joined(separator: " ")
  }
}

extension Network {
  /// Whether the node only joins what the network gives, so that files of other programs give each value by itself.
  package func isJoinedResult(_ node: Node) -> Bool {
    node.operation is Outputs && node.name == output && readers(of: node.name).isEmpty
  }

  /// What the network gives: its result, or the values that this is made of.
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  public func outputs() throws -> [NetworkOutput] { outputs(try validate()) }

  /// The same, with the shapes of all values for one image.
  package func outputs(_ shapes: [String: [Int]]) -> [NetworkOutput] {
    guard let last = self[output], let joined = last.operation as? Outputs else {
      let shape = shapes[output] ?? []
      return [NetworkOutput(name: nil, node: output, shape: shape, elements: 0..<shape.reduce(1, *))]
    }
    var start = 0
    return zip(joined.names, last.inputs).map { name, node in
      let shape = shapes[node] ?? []
      let count = shape.reduce(1, *)
      defer { start += count }
      return NetworkOutput(name: name, node: node, shape: shape, elements: start..<start + count)
    }
  }
}
