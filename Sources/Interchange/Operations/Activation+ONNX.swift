import Networks

extension Activation: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    let (x, name) = (site.inputs[0], site.name)
    switch self {
    case .relu: graph.append("Relu", [x], makes: name)
    case .leakyRelu(let slope): graph.append("LeakyRelu", [x], makes: name, ["alpha": .float(slope)])
    case .cappedRelu(let limit): graph.clip(x, from: 0, to: limit, makes: name)
    case .clip(let low, let high): graph.clip(x, from: low, to: high, makes: name)
    case .elu(let alpha): graph.append("Elu", [x], makes: name, ["alpha": .float(alpha)])
    case .sigmoid: graph.append("Sigmoid", [x], makes: name)
    case .tanh: graph.append("Tanh", [x], makes: name)
    case .erf: graph.append("Erf", [x], makes: name)
    case .hardSwish where graph.opset >= 14: graph.append("HardSwish", [x], makes: name)
    case .hardSwish:
      graph.append("HardSigmoid", [x], makes: "\(name).gate", ["alpha": .float(1.0 / 6), "beta": .float(0.5)])
      graph.append("Mul", [x, "\(name).gate"], makes: name)
    case .hardSigmoid(let slope, let shift):
      graph.append("HardSigmoid", [x], makes: name, ["alpha": .float(slope), "beta": .float(shift)])
    case .silu:
      graph.append("Sigmoid", [x], makes: "\(name).sigmoid")
      graph.append("Mul", [x, "\(name).sigmoid"], makes: name)
    case .softplus: graph.append("Softplus", [x], makes: name)
    case .mish:
      graph.append("Softplus", [x], makes: "\(name).softplus")
      graph.append("Tanh", ["\(name).softplus"], makes: "\(name).gate")
      graph.append("Mul", [x, "\(name).gate"], makes: name)
    case .exponential: graph.append("Exp", [x], makes: name)
    case .logarithm: graph.append("Log", [x], makes: name)
    case .absolute: graph.append("Abs", [x], makes: name)
    case .sign: graph.append("Sign", [x], makes: name)
    case .gelu(approximated: false): graph.gelu(x, name)
    case .gelu(approximated: true): graph.approximateGELU(x, name)
    }
  }
}

extension ONNXGraphWriter {
  fileprivate mutating func clip(_ x: String, from low: Double, to high: Double, makes name: String) {
    append("Clip", [x, store("\(name).low", low), store("\(name).high", high)], makes: name)
  }

  fileprivate mutating func gelu(_ x: String, _ name: String) {
    append("Mul", [x, store("\(name).root", 0.5.squareRoot())], makes: "\(name).scaled")
    append("Erf", ["\(name).scaled"], makes: "\(name).erf")
    gate(x, "\(name).erf", name)
  }

  /// By the hyperbolic tangent.
  fileprivate mutating func approximateGELU(_ x: String, _ name: String) {
    append("Pow", [x, store("\(name).three", 3.0)], makes: "\(name).cube")
    append("Mul", ["\(name).cube", store("\(name).share", 0.044715)], makes: "\(name).part")
    append("Add", [x, "\(name).part"], makes: "\(name).sum")
    append("Mul", ["\(name).sum", store("\(name).root", (2 / Double.pi).squareRoot())], makes: "\(name).scaled")
    append("Tanh", ["\(name).scaled"], makes: "\(name).tanh")
    gate(x, "\(name).tanh", name)
  }

  /// x·(1 + gate)/2.
  private mutating func gate(_ x: String, _ gate: String, _ name: String) {
    append("Add", [gate, store("\(name).one", 1.0)], makes: "\(name).open")
    append("Mul", [x, "\(name).open"], makes: "\(name).twice")
    append("Mul", ["\(name).twice", store("\(name).half", 0.5)], makes: name)
  }
}
