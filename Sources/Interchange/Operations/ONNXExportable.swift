import Networks

/// An operation that can be written as nodes of ONNX.
///
/// Every operation of `OperationRegistry` is one; the extension that says so stands in this folder, in a file called
/// after the operation's.
protocol ONNXExportable: Operation {
  /// Appends what computes the node's value, under the node's name.
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter)
}

/// A node where it is written: what it reads, under the names of the graph.
struct ONNXSite {
  let node: Node
  let network: Network
  /// Names in the graph of what it reads.
  let inputs: [String]
  /// Of the first value that it reads, for one image.
  let shape: [Int]

  /// The name under which the node's value is read.
  var name: String { node.name }
  var rank: Int { shape.count }
}
