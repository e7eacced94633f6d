import Networks

extension Elementwise: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    let type =
      switch self {
      case .add: "Add"
      case .multiply: "Mul"
      case .subtract: "Sub"
      case .divide: "Div"
      }
    var left = site.inputs[0]
    for (index, right) in site.inputs.dropFirst().enumerated() {
      let isLast = index == site.inputs.count - 2
      let result = isLast ? site.name : "\(site.name).\(index)"
      graph.append(type, [left, right], makes: result)
      left = result
    }
  }
}
