import Networks
import Torch

extension TransposedConvolution: CoreMLExportable {
  /// Core ML has the inputs first, and no output padding: that is padding which is not cut off, or zeros, to which the
  /// bias is added.
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) throws -> String {
    guard let weight = site.network.parameter(.weight, of: site.node) else { return site.x }
    let bias = site.network.parameter(.bias, of: site.node)
    let ends = (0..<2).map { geometry.padding[$0] - outputPadding[$0] }
    let isWhole = ends.allSatisfy { $0 >= 0 }
    let stored = try program.store(weight.swappingGroupedAxes(groups: geometry.groups), "\(site.name)_weight")
    var settings: [(String, CoreMLProgramWriter.Argument)] = [
      ("x", .variable(site.x)), ("weight", .variable(stored)), ("strides", .ints(geometry.stride)),
      ("pad_type", .text("custom")),
      ("pad", .ints((0..<2).flatMap { [geometry.padding[$0], max(0, ends[$0])] })),
      ("dilations", .ints(geometry.dilation)), ("groups", .int(geometry.groups)),
    ]
    if isWhole, let bias { settings.append(("bias", .variable(try program.store(bias, "\(site.name)_bias")))) }
    guard !isWhole else { return program.append("conv_transpose", settings, site.name, site.output) }
    let missing = ends.map { max(0, -$0) }
    let reached = site.output.dropLast(2) + zip(site.output.suffix(2), missing).map { $0 - $1 }
    let made = program.append("conv_transpose", settings, "\(site.name)_made", Array(reached))
    let padded = program.append(
      "pad",
      [
        ("x", .variable(made)), ("pad", .ints([0, 0, 0, 0, 0, missing[0], 0, missing[1]])),
        ("mode", .text("constant")), ("constant_val", .number(0)),
      ], bias == nil ? site.name : "\(site.name)_padded", site.output)
    guard let bias else { return padded }
    let column = try program.store(bias.reshaped([1, bias.count, 1, 1]), "\(site.name)_bias")
    return program.append("add", [("x", .variable(padded)), ("y", .variable(column))], site.name, site.output)
  }
}
