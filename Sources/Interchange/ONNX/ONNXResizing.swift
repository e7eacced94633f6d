import Networks
import ONNXSchema

/// How images of other sizes are read: Resize, and Upsample of opsets 7 to 9.
extension ONNXGraphReader {
  mutating func readResize(_ node: ONNXNodeProto) throws {
    let input = try plainImage(node)
    guard input.shape.count == 3 else {
      throw ONNXProblem("resizes values of shape \(input.shape), expected channels × height × width")
    }
    try requirePlainResize(node)
    let target = try resizeTarget(node, input)
    let (mode, places) = (try resizeMode(node), try resizePlaces(node))
    if case .image(let other) = target {
      return try finish(Resize(mode, places, to: .likeSecond), node, reading: [input.name, other], like: input)
    }
    guard case .own(let target) = target else { return alias(node, input) }
    try finish(Resize(mode, places, to: target), node, of: input)
  }

  private enum Target {
    case own(Resize.Target)
    /// As large as that value of the network.
    case image(String)
    case same
  }

  private func requirePlainResize(_ node: ONNXNodeProto) throws {
    let refused: [(String, Bool)] = [
      ("smooths what it makes smaller (antialias)", node.integer("antialias") ?? 0 != 0),
      ("leaves out pixels beyond the border (exclude_outside)", node.integer("exclude_outside") ?? 0 != 0),
      ("keeps the aspect ratio", node.word("keep_aspect_ratio_policy").map { !["", "stretch"].contains($0) } ?? false),
    ]
    for (what, isAsked) in refused where isAsked { throw ONNXProblem("\(what), which is not read") }
  }

  private func resizeMode(_ node: ONNXNodeProto) throws -> Resize.Mode {
    switch node.word("mode") ?? "nearest" {
    case "nearest": return .nearest(try rounding(node))
    case "linear", "bilinear": return .linear
    case "cubic": return .cubic(coefficient: node.number("cubic_coeff_a") ?? -0.75)
    case let mode: throw ONNXProblem("resizes in the mode \(mode), expected nearest, linear or cubic")
    }
  }

  /// Before opset 11 the pixel above and to the left was taken.
  private func rounding(_ node: ONNXNodeProto) throws -> Resize.Rounding {
    switch node.word("nearest_mode") ?? (opset < 11 ? "floor" : "round_prefer_floor") {
    case "floor": return .floor
    case "ceil": return .ceil
    case "round_prefer_floor": return .halfDown
    case "round_prefer_ceil": return .halfUp
    case let mode: throw ONNXProblem("rounds places in the unknown way \(mode)")
    }
  }

  private func resizePlaces(_ node: ONNXNodeProto) throws -> Resize.Places {
    let known: [String: Resize.Places] = [
      "asymmetric": .asymmetric, "half_pixel": .halfPixel, "pytorch_half_pixel": .halfPixelUnlessOne,
      "align_corners": .alignCorners,
    ]
    let given = node.word("coordinate_transformation_mode") ?? (opset < 11 ? "asymmetric" : "half_pixel")
    guard let places = known[given] else {
      let names = known.keys.sorted().joined(separator: ", ")
      throw ONNXProblem("finds places in the mode \(given), expected one of \(names)")
    }
    return places
  }

  /// Until opset 10 there were scales alone, in opset 7 as an attribute; since 18 `axes` names those that are given.
  private func resizeTarget(_ node: ONNXNodeProto, _ input: ONNXImage) throws -> Target {
    let scalesIndex = opset < 11 ? 1 : 2
    if opset >= 11, let given = value(node, 3) {
      let sizes = try inFull(resizeSizes(given), node, of: input.sizes)
      let wanted = sizes.suffix(2).map(\.factor)
      guard sizes[0] == .batch || sizes[0] == .fixed(exportedBatch ?? 0), sizes[1] == .fixed(input.shape[0]),
        sizes.suffix(2).allSatisfy(\.isFixed)
      else { throw ONNXProblem("resizes the batch or the channels") }
      guard wanted != Array(input.shape.suffix(2)) else { return .same }
      return source(of: node.input[3], sized: wanted).map(Target.image) ?? .own(.size(wanted))
    }
    let scales = try node.numbers("scales") ?? constant(node, scalesIndex)?.doubles ?? []
    let all = try inFull(scales, node, of: Array(repeating: 1, count: input.rank))
    guard all.prefix(2) == [1, 1] else { throw ONNXProblem("resizes the batch or the channels") }
    return all == [1, 1, 1, 1] ? .same : .own(.scales(Array(all.suffix(2))))
  }

  private func resizeSizes(_ value: ONNXValue) throws -> [ONNXSize] {
    if case .sizes(let list, _) = value { return list }
    guard case .constant(let constant) = value, let numbers = constant.integers else {
      throw ONNXProblem("has sizes that are no list of whole numbers")
    }
    return numbers.map(ONNXSize.fixed)
  }

  /// What is given for some axes, in place of what is there for all.
  private func inFull<Element>(_ given: [Element], _ node: ONNXNodeProto, of all: [Element]) throws -> [Element] {
    let rank = all.count
    let axes = node.integers("axes")?.map { $0 < 0 ? $0 + rank : $0 } ?? Array(0..<rank)
    guard axes.count == given.count, axes.allSatisfy(all.indices.contains) else {
      throw ONNXProblem("has \(given.count) sizes or scales for \(axes.count) axes of \(rank)")
    }
    return zip(axes, given).reduce(into: all) { $0[$1.0] = $1.1 }
  }
}

// MARK: Whose sizes they are

extension ONNXGraphReader {
  /// Remembers, where a node computes sizes, which values' they are.
  mutating func noteSizeSources(_ node: ONNXNodeProto) {
    var sources: [String] = []
    // Each once: what is computed from itself, again and again, would double them every time.
    for source in node.input.flatMap({ sizeSources[$0] ?? [] }) where !sources.contains(source) {
      sources.append(source)
    }
    if node.opType == "Shape", case .image(let image) = value(node, 0), image.isPlain { sources.append(image.name) }
    if !sources.isEmpty { sizeSources[node.output[0]] = sources }
  }

  /// The value of the network that sizes were computed from, or else the image if it has these: exporters write the
  /// sizes of an image as numbers.
  private func source(of name: String, sized size: [Int]) -> String? {
    ((sizeSources[name] ?? []) + [Network.inputName]).first { source in
      shape(source).count == 3 && Array(shape(source).suffix(2)) == size
    }
  }
}
