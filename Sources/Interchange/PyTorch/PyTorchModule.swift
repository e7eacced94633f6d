import Containers
import Foundation
import Networks
import Torch

/// A network as a short Python module of plain `torch.nn`, to be read by people and to load its weights.
///
/// Layers have the names of their parameters, factor pairs are an `nn.Sequential`, and `forward` is one line a node.
public struct PyTorchModule: Sendable {
  /// The text of the module.
  public let source: String
  /// The network whose parameters have the names that the module loads.
  public let network: Network

  /// - Parameters:
  ///   - given: any valid network.
  ///   - weights: the name of the safetensors file beside the module.
  ///   - interface: how the module meets other programs; its names and kinds of weights are of no use here.
  ///   - images: what has to be done to an image before, written as `MEAN` and `STD`; nil writes neither.
  ///   - classes: names, written as `CLASSES` where there are any.
  /// - Throws: `NetworkError` when the network is not valid, `ContainerError` for an operation that cannot be written.
  public init(
    _ given: Network, weights: String, _ interface: ModelInterface = ModelInterface(), images: Preprocessing? = nil,
    classes: [String] = []
  ) throws {
    let network = given.droppingWeightScales().withLayerNames()
    let shapes = try network.validate()
    self.network = network
    let factorized = network.matrixLayers.filter { $0.isFactorized }
    var layers: [String] = []
    var steps = interface.inputType == .uint8 ? ["x = x.float()"] : []
    var variables = [Network.inputName: "x"]
    var free = PythonVariables()
    var written = Set<String>()
    for node in network.nodes {
      let factors = factorized.first { $0.nodes.contains(node.name) }
      // Later factors are made and run with the first.
      if let factors, node.name != factors.nodes[0] {
        variables[node.name] = variables[factors.nodes[0]]
        continue
      }
      let site = PyTorchSite(
        node: node, network: network, inputs: node.inputs.map { variables[$0] ?? "x" }, shapes: shapes)
      let variable = free.variable(for: node.name)
      let name = factors?.name ?? Self.layerName(node)
      switch try factors.map({ try Self.sequential($0, site) }) ?? Self.form(site) {
      case .module(let constructor):
        if written.insert(name).inserted { layers.append("self.add(\(PythonText.literal(name)), \(constructor))") }
        steps.append("\(variable) = layer(\(PythonText.literal(name)))(\(site.x))")
      case .expression(let expression): steps.append("\(variable) = \(expression)")
      }
      variables[node.name] = variable
    }
    let logits = variables[network.output] ?? "x"
    let output =
      switch interface.outputActivation {
      case nil: logits
      case .softmax: "torch.softmax(\(logits), dim=1)"
      case .logSoftmax: "torch.log_softmax(\(logits), dim=1)"
      case .sigmoid: "torch.sigmoid(\(logits))"
      }
    source = Self.text(
      layers, steps, output, weights, network.inputShape, Self.constants(images, classes), Self.changes(network))
  }

  /// Lines that bring tensors of the file into the order that modules hold them in.
  private static func changes(_ network: Network) -> [String] {
    var lines: [String: String] = [:]
    for node in network.nodes {
      for (role, name) in node.parameters {
        let tensor = "tensors[\(PythonText.literal(name))]"
        let changed = (node.operation as? any PyTorchExportable)?.loaded(role, tensor)
        if let changed { lines[name] = "\(tensor) = \(changed)" }
      }
    }
    return lines.sorted { $0.key < $1.key }.map(\.value)
  }

  private static func text(
    _ layers: [String], _ steps: [String], _ output: String, _ weights: String, _ input: [Int], _ constants: String,
    _ changes: [String]
  ) -> String {
    let shape = input.map(String.init).joined(separator: ", ")
    let stored = layers.contains { $0.contains("Stored(") } ? Self.storedClass : ""
    let quiet = weights.filter { $0 != "\"" && $0 != "\\" }
    return """
      \"\"\"A network that Thresh wrote: plain torch.nn, its weights in \(quiet) beside this file.

          from \(quiet.split(separator: ".").first ?? "module") import load
          model = load()        # images: N × \(input.map(String.init).joined(separator: " × "))
      \"\"\"
      from pathlib import Path

      import torch
      import torch.nn.functional as F
      from safetensors.torch import load_file
      from torch import nn

      INPUT_SHAPE = (\(shape))
      \(constants)
      \(stored)
      class Network(nn.Module):
          def __init__(self):
              super().__init__()
      \(layers.map { "        " + $0 }.joined(separator: "\n"))

          def add(self, name, layer):
              *scopes, last = name.split(".")
              parent = self
              for scope in scopes:
                  if scope not in parent._modules:
                      parent.add_module(scope, nn.Module())
                  parent = parent._modules[scope]
              parent.add_module(last, layer)

          def forward(self, x):
              layer = self.get_submodule
      \(steps.map { "        " + $0 }.joined(separator: "\n"))
              return \(output)


      def load(weights=Path(__file__).with_name(\(PythonText.literal(weights)))):
          network = Network()
          tensors = load_file(weights)
      \(changes.map { "    \($0)\n" }.joined())\
          missing, unexpected = network.load_state_dict(tensors, strict=False)
          # Thresh keeps no count of the batches that batch norm has seen.
          missing = [name for name in missing if not name.endswith("num_batches_tracked")]
          assert not missing and not unexpected, (missing, unexpected)
          return network.eval()

      """
  }

  /// What a network's user has to know of its images and classes, as Python.
  private static func constants(_ images: Preprocessing?, _ classes: [String]) -> String {
    var lines = ""
    if let images {
      let numbers = { (list: [Float]) in
        "(\(list.map { "\($0)" }.joined(separator: ", "))\(list.count == 1 ? "," : ""))"
      }
      lines += "# Of \(images.channelOrder.rawValue) pixels from 0 to 1: images are (pixels - MEAN) / STD.\n"
      lines += "MEAN = \(numbers(images.mean))\nSTD = \(numbers(images.std))\n"
    }
    if !classes.isEmpty {
      lines += "# By the place of the largest output.\nCLASSES = [\n"
      lines += classes.map { "    \(PythonText.literal($0)),\n" }.joined() + "]\n"
    }
    return lines
  }

  private static let storedClass = """

    class Stored(nn.Module):
        \"\"\"A parameter or a constant that is read like a value.\"\"\"

        def __init__(self, shape, trained):
            super().__init__()
            if trained:
                self.weight = nn.Parameter(torch.zeros(shape))
            else:
                self.register_buffer("constant", torch.zeros(shape))

        def forward(self):
            return (self.weight if hasattr(self, "weight") else self.constant)[None]


    """

  private static func form(_ site: PyTorchSite) throws -> PyTorchForm {
    guard let operation = site.node.operation as? any PyTorchExportable else {
      throw ContainerError(
        """
        node \(site.node.name) is a \(type(of: site.node.operation).kind), which cannot be written as PyTorch; report \
        it
        """)
    }
    return operation.pyTorch(site)
  }

  /// The factors of a layer, of which the first is at `site`.
  private static func sequential(_ layer: MatrixLayer, _ site: PyTorchSite) throws -> PyTorchForm {
    let network = site.network
    let modules = try layer.nodes.compactMap { network[$0] }.map { node -> String in
      let own = PyTorchSite(node: node, network: network, inputs: site.inputs, shapes: site.shapes)
      guard case .module(let constructor) = try form(own) else {
        preconditionFailure("layer \(layer.name) has no weights")
      }
      return constructor
    }
    return .module("nn.Sequential(\(modules.joined(separator: ", ")))")
  }

  /// The name under which the layer's parameters are, which two nodes can share.
  private static func layerName(_ node: Node) -> String {
    node.commonPrefix ?? node.name
  }
}
