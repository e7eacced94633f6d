/// Along which axes an operation has the channels of what it reads and of what it makes.
///
/// Channels usually lie along one axis: the first of an image, the last of tokens. Where heads split that axis they lie
/// along several, one for each combination of indices, in row-major order.
public struct ChannelAxes: Sendable, Equatable {
  /// In ascending order, for each input.
  public var inputs: [[Int]]
  public var output: [Int]

  public init(inputs: [[Int]], output: [Int]) { (self.inputs, self.output) = (inputs, output) }

  /// Of an operation that leaves each element where it is.
  static func kept(_ inputs: [[Int]]) -> ChannelAxes { ChannelAxes(inputs: inputs, output: inputs.first ?? [0]) }
}

/// The axes along which the values of a network have their channels.
struct ChannelLayout {
  /// By the name of the node that makes the value, and of the input.
  private(set) var axes = [Network.inputName: [0]]
  /// What the rules of each node go by.
  private(set) var rules: [String: ChannelAxes] = [:]

  /// - Parameter shapes: of every value, as validation gives them.
  init(of network: Network, _ shapes: [String: [Int]]) {
    for node in network.nodes {
      let rule = node.operation.channelAxes(
        of: node.inputs.map { axes[$0] ?? [0] }, shapes: node.inputs.map { shapes[$0] ?? [] },
        result: shapes[node.name] ?? [])
      (rules[node.name], axes[node.name]) = (rule, rule.output)
    }
  }

  /// What the rules of `node` see of the lists that its inputs have along their channels.
  ///
  /// - Parameter replacing: makes a list in place of one along other axes, of as many elements as are asked for.
  func read<Element>(
    by node: Node, of lists: [String: [Element]], _ shapes: [String: [Int]],
    replacing: (_ list: [Element], _ count: Int) -> [Element]
  ) -> [[Element]] {
    let wanted = rules[node.name]?.inputs ?? []
    return zip(node.inputs, wanted).map { name, wanted in
      let list = lists[name] ?? []
      guard axes[name] != wanted, let shape = shapes[name] else { return list }
      return replacing(list, wanted.map { shape.indices.contains($0) ? shape[$0] : 1 }.reduce(1, *))
    }
  }
}

// MARK: Lists along several axes

extension Array {
  /// A list along axes of these sizes, with the axes in another order.
  func permuted(_ sizes: [Int], _ order: [Int]) -> [Element] {
    guard order != Array<Int>(order.indices) else { return self }
    return ChannelGrid(order.map { sizes[$0] }).places.map { place in
      var own = Array<Int>(repeating: 0, count: sizes.count)
      for (index, axis) in order.enumerated() { own[axis] = place[index] }
      return self[ChannelGrid(sizes).index(of: own)]
    }
  }

  /// The elements at some indices along one of the axes.
  func selecting(_ indices: [Int], at position: Int, of sizes: [Int]) -> [Element] {
    var picked = sizes
    picked[position] = indices.count
    return ChannelGrid(picked).places.map { place in
      var own = place
      own[position] = indices[place[position]]
      return self[ChannelGrid(sizes).index(of: own)]
    }
  }
}

/// The places of a list along several axes, in row-major order.
struct ChannelGrid {
  let sizes: [Int]

  init(_ sizes: [Int]) { self.sizes = sizes }

  var places: [[Int]] { (0..<sizes.reduce(1, *)).map(place) }

  func place(_ index: Int) -> [Int] {
    var rest = index
    var place = sizes
    for axis in sizes.indices.reversed() { (rest, place[axis]) = rest.quotientAndRemainder(dividingBy: sizes[axis]) }
    return place
  }

  func index(of place: [Int]) -> Int { zip(sizes, place).reduce(0) { $0 * $1.0 + $1.1 } }

  /// The axis along which alone the list differs; nil where there is none, the first where all is alike.
  func onlyAxis<Value: Equatable>(of list: [Value]) -> Int? {
    sizes.indices.first { axis in
      list.indices.allSatisfy { index in
        var first = sizes.map { _ in 0 }
        first[axis] = place(index)[axis]
        return list[self.index(of: first)] == list[index]
      }
    }
  }
}
