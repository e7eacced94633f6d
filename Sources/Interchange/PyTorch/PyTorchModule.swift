import Compaction
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
  /// - Throws: `NetworkError` when the network is not valid.
  public init(_ given: Network, weights: String, _ interface: ModelInterface = ModelInterface()) throws {
    let network = given.withLayerNames()
    let shapes = try network.validate()
    self.network = network
    let pairs = network.matrixLayers.filter(\.isPair)
    var layers: [String] = []
    var steps = interface.inputType == .uint8 ? ["x = x.float()"] : []
    var variables = [Network.inputName: "x"]
    var free = PythonVariables()
    let constants = network.constantValues
    var written = Set<String>()
    for node in network.nodes {
      let inputs = node.inputs.map { name in
        let variable = variables[name] ?? "x"
        // What is the same for every image has a batch of one, which only joining does not spread.
        guard node.operation is Concatenate, constants.contains(name), !constants.contains(node.name) else {
          return variable
        }
        let rest = shapes[name, default: []].map { _ in "-1" }
        return "\(variable).expand(\((["len(x)"] + rest).joined(separator: ", ")))"
      }
      let pair = pairs.first { $0.nodes.contains(node.name) }
      // The second factor is made and run with the first.
      if let pair, node.name == pair.nodes[1] {
        variables[node.name] = variables[pair.nodes[0]]
        continue
      }
      let variable = free.variable(for: node.name)
      let name = pair?.name ?? Self.layerName(node)
      let input = shapes[node.inputs.first ?? ""] ?? []
      if let made = pair.map({ Self.sequential($0, network) }) ?? Self.layer(node, network, input),
        written.insert(name).inserted
      {
        layers.append("self.add(\(PythonText.literal(name)), \(made))")
      }
      steps.append("\(variable) = \(Self.call(node, name, inputs, input))")
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
    source = Self.text(layers, steps, output, weights, network.inputShape)
  }

  private static func text(
    _ layers: [String], _ steps: [String], _ output: String, _ weights: String, _ input: [Int]
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
          missing, unexpected = network.load_state_dict(load_file(weights), strict=False)
          # Thresh keeps no count of the batches that batch norm has seen.
          missing = [name for name in missing if not name.endswith("num_batches_tracked")]
          assert not missing and not unexpected, (missing, unexpected)
          return network.eval()

      """
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

  /// The name under which the layer's parameters are, which two nodes can share.
  private static func layerName(_ node: Node) -> String {
    node.commonPrefix ?? node.name
  }
}

// MARK: Layers with parameters

extension PyTorchModule {
  private static func sequential(_ pair: MatrixLayer, _ network: Network) -> String {
    let factors = pair.nodes.compactMap { network[$0] }.compactMap { layer($0, network, []) }
    return "nn.Sequential(\(factors.joined(separator: ", ")))"
  }

  /// `shape` is that of what the layer reads.
  private static func layer(_ node: Node, _ network: Network, _ shape: [Int]) -> String? {
    let weight = network.parameter(.weight, of: node)?.shape ?? []
    let bias = node.parameters[.bias] == nil ? ", bias=False" : ""
    switch node.operation {
    case let convolution as Convolution:
      let geometry = convolution.geometry
      var words = ["\(weight[1] * geometry.groups)", "\(weight[0])", tuple(Array(weight[2...]))]
      if geometry.stride != [1, 1] { words.append("stride=\(tuple(geometry.stride))") }
      if geometry.padding != [0, 0] { words.append("padding=\(tuple(geometry.padding))") }
      if geometry.dilation != [1, 1] { words.append("dilation=\(tuple(geometry.dilation))") }
      if geometry.groups != 1 { words.append("groups=\(geometry.groups)") }
      return "nn.Conv2d(\(words.joined(separator: ", "))\(bias))"
    case is Linear: return "nn.Linear(\(weight[1]), \(weight[0])\(bias))"
    case let norm as BatchNorm:
      let channels = network.parameter(.runningMean, of: node)?.shape[0] ?? 0
      let affine = node.parameters[.weight] == nil ? ", affine=False" : ""
      return
        "nn.BatchNorm\(max(1, shape.count - 1))d(\(channels), eps=\(norm.epsilon), momentum=\(norm.momentum)\(affine))"
    case let norm as LayerNorm:
      let affine = node.parameters[.weight] == nil ? ", elementwise_affine=False" : bias
      let shape = weight.isEmpty ? "INPUT_SHAPE[-\(norm.axes):]" : tuple(weight)
      return "nn.LayerNorm(\(shape), eps=\(norm.epsilon)\(affine))"
    case is PReLU: return "nn.PReLU(\(weight[0]))"
    case is Stored:
      let shape = network.parameter(.constant, of: node)?.shape ?? weight
      return "Stored(\(tuple(shape)), \(node.parameters[.weight] == nil ? "False" : "True"))"
    default: return nil
    }
  }

  private static func tuple(_ numbers: [Int]) -> String {
    "(\(numbers.map(String.init).joined(separator: ", "))\(numbers.count == 1 ? "," : ""))"
  }
}

// MARK: One line a node

extension PyTorchModule {
  private static func call(_ node: Node, _ name: String, _ inputs: [String], _ shape: [Int]) -> String {
    let x = inputs.first ?? ""
    switch node.operation {
    case is Convolution, is Linear, is BatchNorm, is LayerNorm, is PReLU, is Stored:
      return "layer(\(PythonText.literal(name)))(\(x))"
    case let activation as Activation: return call(activation, x)
    case let pooling as Pooling: return call(pooling, x, shape)
    case let elementwise as Elementwise:
      let sign =
        switch elementwise {
        case .add: " + "
        case .multiply: " * "
        case .subtract: " - "
        case .divide: " / "
        }
      return inputs.joined(separator: sign)
    case let affine as Affine: return "\(x) * \(affine.scale) + \(affine.shift)"
    case let power as Power: return "\(x) ** \(power.exponent)"
    case let join as Concatenate: return "torch.cat([\(inputs.joined(separator: ", "))], dim=\(join.axis + 1))"
    case is Flatten: return "torch.flatten(\(x), 1)"
    case let reshape as Reshape: return "\(x).reshape(-1, \(reshape.shape.map(String.init).joined(separator: ", ")))"
    case let slice as Slice:
      let range = "\(slice.start):\(slice.end.map(String.init) ?? ""):\(slice.step)"
      return "\(x)[:, \(String(repeating: ":, ", count: slice.axis))\(range)]"
    case let pad as Pad:
      let pads = Array(repeating: 0, count: 2 * (shape.count - 1 - pad.axis)) + [pad.before, pad.after]
      return padded(x, pads, pad.value)
    case let gather as Gather:
      return "\(x).index_select(\(gather.axis + 1), torch.tensor(\(gather.indices), device=\(x).device))"
    case let softmax as Softmax: return "torch.softmax(\(x), dim=\(softmax.axis + 1))"
    case let softmax as LogSoftmax: return "torch.log_softmax(\(x), dim=\(softmax.axis + 1))"
    case let maximum as Maximum: return "\(x).amax(\(tuple(maximum.axes.map { $0 + 1 })), keepdim=True)"
    case let mean as Mean: return "\(x).mean(\(tuple(mean.axes.map { $0 + 1 })), keepdim=True)"
    case let transpose as Transpose: return "\(x).permute(\(tuple([0] + transpose.permutation.map { $0 + 1 })))"
    case is MatrixProduct: return "\(x) @ \(inputs[1])"
    case let dropout as Dropout: return "F.dropout(\(x), \(dropout.probability), self.training)"
    default: return x
    }
  }

  private static func call(_ activation: Activation, _ x: String) -> String {
    switch activation {
    case .relu: "F.relu(\(x))"
    case .leakyRelu(let slope): "F.leaky_relu(\(x), \(slope))"
    case .cappedRelu(let limit): clamped(x, from: 0, to: limit)
    case .clip(let low, let high): clamped(x, from: low, to: high)
    case .elu(let alpha): "F.elu(\(x), \(alpha))"
    case .gelu(let approximated): "F.gelu(\(x), approximate=\"\(approximated ? "tanh" : "none")\")"
    case .silu: "F.silu(\(x))"
    case .sigmoid: "torch.sigmoid(\(x))"
    case .tanh: "torch.tanh(\(x))"
    case .erf: "torch.erf(\(x))"
    case .hardSwish: "F.hardswish(\(x))"
    case .hardSigmoid(let slope, let shift): "torch.clamp(\(x) * \(slope) + \(shift), 0, 1)"
    }
  }

  /// A bound that no float32 reaches is none.
  private static func clamped(_ x: String, from low: Double, to high: Double) -> String {
    let bounds = [low, high].map { abs($0) < Double(Float.greatestFiniteMagnitude) ? "\($0)" : "None" }
    return bounds == ["None", "None"] ? x : "torch.clamp(\(x), \(bounds[0]), \(bounds[1]))"
  }

  /// `shape` is that of what is pooled.
  private static func call(_ pooling: Pooling, _ x: String, _ shape: [Int]) -> String {
    switch pooling {
    case .max(let geometry):
      guard geometry.isSymmetric else {
        let margins = geometry.margins(of: Array(shape.dropFirst()))
        return "F.max_pool2d(\(padded(x, margins, -.infinity)), \(tuple(geometry.kernel)), \(tuple(geometry.stride)))"
      }
      return "F.max_pool2d(\(windows(geometry, x)))"
    case .average(let geometry):
      guard geometry.isSymmetric else { return averaged(x, geometry, Array(shape.dropFirst())) }
      return "F.avg_pool2d(\(windows(geometry, x)), count_include_pad=\(geometry.countIncludePad ? "True" : "False"))"
    case .globalAverage: return "\(x).mean((2, 3), keepdim=True)"
    case .globalMax: return "\(x).amax((2, 3), keepdim=True)"
    }
  }

  private static func windows(_ geometry: PoolingGeometry, _ x: String) -> String {
    let (kernel, stride, padding) = (tuple(geometry.kernel), tuple(geometry.stride), tuple(geometry.padding))
    return "\(x), \(kernel), \(stride), \(padding), ceil_mode=\(geometry.ceilMode ? "True" : "False")"
  }

  /// Means over windows with different padding on each side: those over all pixels by the share of those that count.
  private static func averaged(_ x: String, _ geometry: PoolingGeometry, _ size: [Int]) -> String {
    func mean(_ x: String) -> String { "F.avg_pool2d(\(x), \(tuple(geometry.kernel)), \(tuple(geometry.stride)))" }
    let margins = geometry.margins(of: size)
    let beyond = zip(margins, geometry.pads).map { $0 - $1 }
    let means = mean(padded(x, margins, 0))
    if geometry.countIncludePad, beyond.allSatisfy({ $0 <= 0 }) { return means }
    let pixels = "torch.ones_like(\(x)[:1, :1])"
    let counted =
      geometry.countIncludePad ? padded(padded(pixels, geometry.pads, 1), beyond, 0) : padded(pixels, margins, 0)
    return "\(means) / \(mean(counted))"
  }

  private static func padded(_ x: String, _ pads: [Int], _ value: Double) -> String {
    if value == 0 { return "F.pad(\(x), \(tuple(pads)))" }
    let isHeld = abs(value) < Double(Float.greatestFiniteMagnitude)
    let number = isHeld ? "\(value)" : value < 0 ? "float(\"-inf\")" : "float(\"inf\")"
    return "F.pad(\(x), \(tuple(pads)), value=\(number))"
  }
}
