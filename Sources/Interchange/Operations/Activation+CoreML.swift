import Networks

extension Activation: CoreMLExportable {
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) -> String {
    switch self {
    case .relu: program.append("relu", of: site)
    case .leakyRelu(let slope): program.append("leaky_relu", of: site, [("alpha", .number(slope))])
    case .cappedRelu(let limit): program.append("clip", of: site, [("alpha", .number(0)), ("beta", .number(limit))])
    case .clip(let low, let high): program.append("clip", of: site, [("alpha", .number(low)), ("beta", .number(high))])
    case .elu(let alpha): program.append("elu", of: site, [("alpha", .number(alpha))])
    case .gelu(let approximated):
      program.append("gelu", of: site, [("mode", .text(approximated ? "TANH_APPROXIMATION" : "EXACT"))])
    case .silu: program.append("silu", of: site)
    case .sigmoid: program.append("sigmoid", of: site)
    case .tanh: program.append("tanh", of: site)
    case .erf: program.append("erf", of: site)
    case .softplus: program.append("softplus", of: site)
    case .mish: program.mish(of: site)
    case .exponential: program.append("exp", of: site)
    // Core ML adds 1e-45 where it is not told otherwise, which float16 does not hold.
    case .logarithm: program.append("log", of: site, [("epsilon", .number(0))])
    case .absolute: program.append("abs", of: site)
    case .sign: program.append("sign", of: site)
    case .hardSigmoid(let slope, let shift): program.hardSigmoid(of: site, slope, shift, site.name)
    case .hardSwish: program.hardSwish(of: site)
    }
  }
}

extension CoreMLProgramWriter {
  fileprivate mutating func hardSigmoid(of site: CoreMLSite, _ slope: Double, _ shift: Double, _ name: String) -> String
  {
    append(
      "sigmoid_hard", [("x", .variable(site.x)), ("alpha", .number(slope)), ("beta", .number(shift))], name, site.output
    )
  }

  fileprivate mutating func mish(of site: CoreMLSite) -> String {
    let x: [(String, Argument)] = [("x", .variable(site.x))]
    let soft = append("softplus", x, "\(site.name)_softplus", site.output)
    let gate = append("tanh", [("x", .variable(soft))], "\(site.name)_gate", site.output)
    return append("mul", of: site, [("y", .variable(gate))])
  }

  fileprivate mutating func hardSwish(of site: CoreMLSite) -> String {
    let gate = hardSigmoid(of: site, 1.0 / 6, 0.5, "\(site.name)_gate")
    return append("mul", of: site, [("y", .variable(gate))])
  }
}
