import Foundation
import Networks

extension Resize: ONNXExportable {
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    let (x, name) = (site.inputs[0], site.name)
    var inputs = [x, "", ""]
    switch target {
    case .scales(let scales):
      let all = ([1, 1] + scales).map(Float.init)
      inputs[2] = graph.store(
        "\(name).scales", all.withUnsafeBytes { Data($0) }, .float, shape: [all.count])
    case .size(let size): inputs.append(graph.sizes(of: x, graph.store("\(name).size", size), name))
    case .likeSecond:
      let size = graph.sizes(of: site.inputs[1], from: 2, "\(name).size")
      inputs.append(graph.sizes(of: x, size, name))
    }
    let (kind, rounding, coefficient) = spelling
    graph.append(
      "Resize", inputs, makes: name,
      [
        "mode": .word(kind), "coordinate_transformation_mode": .word(placesWord), "nearest_mode": .word(rounding),
        "cubic_coeff_a": .float(coefficient),
      ])
  }

  private var spelling: (mode: String, rounding: String, coefficient: Double) {
    switch mode {
    case .nearest(let rounding): ("nearest", rounding.word, -0.75)
    case .linear: ("linear", "floor", -0.75)
    case .cubic(let coefficient): ("cubic", "floor", coefficient)
    }
  }

  private var placesWord: String {
    switch places {
    case .asymmetric: "asymmetric"
    case .halfPixel: "half_pixel"
    case .halfPixelUnlessOne: "pytorch_half_pixel"
    case .alignCorners: "align_corners"
    }
  }
}

extension Resize.Rounding {
  fileprivate var word: String {
    switch self {
    case .floor: "floor"
    case .ceil: "ceil"
    case .halfDown: "round_prefer_floor"
    case .halfUp: "round_prefer_ceil"
    }
  }
}

extension ONNXGraphWriter {
  /// The sizes of `x` up to its channels, and then those called `size`.
  fileprivate mutating func sizes(of x: String, _ size: String, _ name: String) -> String {
    let channels = sizes(of: x, from: 0, to: 2, "\(name).channels")
    append("Concat", [channels, size], makes: "\(name).sizes", ["axis": .int(0)])
    return "\(name).sizes"
  }

  fileprivate mutating func sizes(of x: String, from start: Int, to end: Int = 4, _ name: String) -> String {
    append("Shape", [x], makes: "\(name).shape")
    append(
      "Slice", ["\(name).shape", store("\(name).start", [start]), store("\(name).end", [end])], makes: name)
    return name
  }
}
