import Networks
import Torch

extension BatchNorm: CoreMLExportable {
  /// As a factor and a summand for each channel: any number of axes, and no small variance that float16 cannot hold.
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) throws -> String {
    func parameter(_ role: Role) -> Tensor? { site.network.parameter(role, of: site.node)?.to(.float64) }
    let ones = Tensor.ones([site.column.reduce(1, *)], dtype: .float64)
    let factor = (parameter(.weight) ?? ones) * ((parameter(.runningVariance) ?? ones) + epsilon).power(-0.5)
    let summand = (parameter(.bias) ?? ones * 0) - (parameter(.runningMean) ?? ones * 0) * factor
    let scale = try program.store(factor.reshaped(site.column), "\(site.name)_scale")
    let shift = try program.store(summand.reshaped(site.column), "\(site.name)_shift")
    let scaled = program.append(
      "mul", [("x", .variable(site.x)), ("y", .variable(scale))], "\(site.name)_scaled", site.output)
    return program.append("add", [("x", .variable(scaled)), ("y", .variable(shift))], site.name, site.output)
  }
}
