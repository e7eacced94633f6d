import Networks

/// An operation that can be written as PyTorch.
///
/// Every operation of `OperationRegistry` is one; the extension that says so stands in this folder, in a file called
/// after the operation's.
protocol PyTorchExportable: Operation {
  /// What computes the node's value.
  func pyTorch(_ site: PyTorchSite) -> PyTorchForm

  /// A parameter as the node's module holds it, as an expression of the tensor that the network has; nil where they are
  /// the same.
  func loaded(_ role: Role, _ tensor: String) -> String?
}

extension PyTorchExportable {
  func loaded(_ role: Role, _ tensor: String) -> String? { nil }
}

/// How an operation is written in Python.
enum PyTorchForm {
  /// A constructor of a module, which holds the node's parameters and is called with what the node reads.
  case module(String)
  /// An expression of what the node reads.
  case expression(String)
}

/// A node where it is written: what it reads, as Python's variables.
struct PyTorchSite {
  let node: Node
  let network: Network
  /// Python's variables for what it reads.
  let inputs: [String]
  /// Shapes of the network's values by name, for one image.
  let shapes: [String: [Int]]

  /// The first value that it reads.
  var x: String { inputs.first ?? "" }
  /// The shape of that.
  var shape: [Int] { shapes[node.inputs.first ?? ""] ?? [] }
  /// The shape of the node's weight; empty where it has none.
  var weight: [Int] { network.parameter(.weight, of: node)?.shape ?? [] }
  /// A module's last argument.
  var bias: String { node.parameters[.bias] == nil ? ", bias=False" : "" }
}
