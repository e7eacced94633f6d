import Networks
import ONNXSchema

/// How Pad is read: a number around, pixels of the image again, or fewer pixels where pads are negative.
extension ONNXGraphReader {
  mutating func readPad(_ node: ONNXNodeProto) throws {
    let input = try image(node)
    let mode = node.word("mode") ?? "constant"
    let given = mode == "constant" ? try single(node, "value", orInput: 2) ?? 0 : 0
    guard !given.isNaN else { throw ONNXProblem("pads with NaN") }
    // Files hold no infinite numbers, and no float32 is larger.
    let largest = Double.greatestFiniteMagnitude
    let number = min(largest, max(-largest, given))
    // Opset 1 had another word for them.
    guard let pads = try node.integers("paddings") ?? integers(node, "pads", orInput: 1), pads.count % 2 == 0 else {
      throw ONNXProblem("has no pads")
    }
    let half = pads.count / 2
    let axes = try integers(node, "axes", orInput: 3) ?? Array(0..<half)
    guard axes.count == half else { throw ONNXProblem("has \(pads.count) pads for \(axes.count) axes") }
    var source = input
    for (index, given) in axes.enumerated() where pads[index] != 0 || pads[index + half] != 0 {
      let axis = try input.fixedAxis(given)
      let (before, after) = (pads[index], pads[index + half])
      guard [before, after].allSatisfy({ abs($0) <= 1 << 20 }) else {
        throw ONNXProblem("pads axis \(given) by \(before) and \(after)")
      }
      let size = source.shape[axis]
      var steps: [any Networks.Operation] = []
      if mode == "constant" {
        if before < 0 || after < 0 {
          steps.append(Slice(axis: axis, start: max(0, -before), end: size + min(0, after)))
        }
        if before > 0 || after > 0 {
          steps.append(Pad(axis: axis, before: max(0, before), after: max(0, after), value: number))
        }
      } else {
        let places = try (-before..<max(-before, size + after)).map { try pixel(at: $0, of: size, mode) }
        steps.append(Gather(axis: axis, indices: places))
      }
      source.name = try append(steps, node, suffix: ".\(index)", reading: source.name)
      source.shape = shape(source.name)
    }
    alias(node, source)
  }

  /// The pixel that lies at a place beyond the border.
  private func pixel(at place: Int, of size: Int, _ mode: String) throws -> Int {
    switch mode {
    case "edge": return min(size - 1, max(0, place))
    case "wrap": return (place % size + size) % size
    case "reflect":
      guard place > -size, place < 2 * size - 1 else {
        throw ONNXProblem("reflects more pixels than the \(size) there are")
      }
      return place < size ? abs(place) : 2 * (size - 1) - place
    default: throw ONNXProblem("pads in the mode \(mode), expected constant, reflect, edge or wrap")
    }
  }
}
