import Networks

extension Elementwise: CoreMLExportable {
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) -> String {
    var (left, shape) = (site.x, site.shape)
    for (right, other) in zip(site.inputs, site.shapes).dropFirst() {
      shape = zip(shape, other).map { max($0, $1) }
      left = program.append(type, [("x", .variable(left)), ("y", .variable(right))], site.name, shape)
    }
    return left
  }

  private var type: String {
    switch self {
    case .add: "add"
    case .multiply: "mul"
    case .subtract: "sub"
    case .divide: "real_div"
    }
  }
}
