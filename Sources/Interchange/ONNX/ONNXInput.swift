import Containers
import Networks
import ONNXSchema

/// What a graph's input says of the images that it wants.
struct ONNXInput {
  var name: String
  /// For one image, in the file's order.
  var sizes: [Int]
  /// Whether all that is done with it is to put its channels in front, as converters of Keras's models do; then neither
  /// this transposition nor the one back is needed.
  var isTurned: Bool
  /// Whether it is batch × height × width × channels.
  var isChannelsLast: Bool
  /// The batch of the export, where it was fixed.
  var batch: Int?
  /// Whether it reads batches, and not one image without an axis for them.
  var hasBatch: Bool
  var type: ModelInterface.NumberType
  /// Whether height and width are open.
  var opensSize: Bool
  /// What was assumed.
  private(set) var notes: [String] = []

  /// - Parameter graph: what the classes need.
  /// - Throws: `ContainerError` when it is no image, `OpenChoice` when nothing says how large images are.
  init(of graph: ONNXGraphProto, _ file: String, _ options: ReadingOptions) throws {
    let stored = Set(graph.initializer.map(\.name))
    let inputs = graph.input.filter { !stored.contains($0.name) }
    guard !inputs.isEmpty else {
      let reason = graph.reasonWithoutInput(stored)
      throw ContainerError("\(file) has classes that depend on no input: \(reason); export it again")
    }
    guard inputs.count == 1 else {
      let names = inputs.map(\.words).joined(separator: ", ")
      throw ContainerError(
        "\(file) needs \(inputs.count) inputs (\(names)), expected images alone; give numbers for the others (`input`)")
    }
    let dimensions = inputs[0].type.tensorType.shape.dim
    name = inputs[0].name
    type = try Self.type(of: inputs[0], file)
    hasBatch = dimensions.count != 3
    batch = hasBatch ? dimensions.first.flatMap { $0.dimValue > 0 ? Int(clamping: $0.dimValue) : nil } : 1
    isTurned = Self.turnsChannelsFirst(name, in: graph)
    let given = dimensions.suffix(3).map { $0.dimValue > 0 ? Int(clamping: $0.dimValue) : nil }
    let few = given.map { $0.map { $0 <= 4 } ?? false }
    isChannelsLast = isTurned || (hasBatch && few.count == 3 && few[2] && !few[0] && !few[1])
    guard dimensions.count == 4 || given.count == 3 && given[0] == 3,
      let channels = isChannelsLast ? given[2] : given[0]
    else {
      throw ContainerError(
        """
        \(file) reads \(inputs[0].words), expected batch × channels × height × width with a fixed number of channels; \
        export it so
        """)
    }
    let place = isChannelsLast ? (height: 0, width: 1) : (height: 1, width: 2)
    let size = try Self.size(given[place.height], given[place.width], inputs[0], file, options)
    sizes = isChannelsLast ? size + [channels] : [channels] + size
    guard sizes.allSatisfy({ (1...1 << 16).contains($0) }) else {
      throw ContainerError("\(file) reads images of shape \(sizes), expected at most 65536 pixels a side; export it so")
    }
    opensSize = given[place.height] == nil && given[place.width] == nil
    if given[place.height] == nil || given[place.width] == nil, options.ownSize == nil {
      notes.append(
        """
        \(file) leaves the size of its images open (\(inputs[0].words)): \(size[0])×\(size[1]) pixels are assumed; \
        files written for ONNX leave it open too where the network takes any
        """)
    }
    if isChannelsLast {
      notes.append(
        """
        \(file) reads batch × height × width × channels; written files read batch × channels × height × width
        """)
    }
    if !hasBatch { notes.append("\(file) reads one image at a time, without an axis for the batch") }
    let wide = inputs[0].type.tensorType.elemType
    if [ONNXType.double.rawValue, ONNXType.bfloat16.rawValue].contains(wide) {
      notes.append("\(file) reads \(ONNXType.name(of: wide)); written files read float32")
    }
  }

  private static func type(of input: ONNXValueInfoProto, _ file: String) throws -> ModelInterface.NumberType {
    switch ONNXType(rawValue: input.type.tensorType.elemType) {
    case .float, .double, .bfloat16: return .float32
    case .float16: return .float16
    case .uint8: return .uint8
    default:
      // A file may leave the type out.
      guard input.type.tensorType.elemType != 0 else { return .float32 }
      throw ContainerError(
        """
        \(file) reads images of type \(ONNXType.name(of: input.type.tensorType.elemType)) (\(input.name)), expected \
        float or uint8; export it so
        """)
    }
  }

  private static func turnsChannelsFirst(_ input: String, in graph: ONNXGraphProto) -> Bool {
    let readers = graph.node.filter { $0.input.contains(input) && $0.opType != "Shape" }
    return !readers.isEmpty
      && readers.allSatisfy { $0.opType == "Transpose" && $0.integers("perm") == [0, 3, 1, 2] }
      && !graph.output.contains { $0.name == input }
  }

  /// Height and width, those that are open filled in.
  private static func size(
    _ height: Int?, _ width: Int?, _ input: ONNXValueInfoProto, _ file: String, _ options: ReadingOptions
  ) throws -> [Int] {
    // A size that is fixed is read as it is; whether the network takes another is seen when it is there.
    // Where one side is fixed the image is a square.
    if height == nil, width == nil, let own = options.ownSize { return own }
    if let known = height ?? width ?? options.imageSize ?? options.usualSize {
      return [height ?? known, width ?? known]
    }
    throw OpenChoice(
      question: .imageSize,
      description: "\(file) leaves the size of its images open (\(input.words)); say how many pixels a side they have")
  }
}

extension ONNXGraphProto {
  /// Why nothing that the classes need is an input.
  ///
  /// - Parameter stored: names of initialisers.
  fileprivate func reasonWithoutInput(_ stored: Set<String>) -> String {
    let made = stored.union(node.flatMap(\.output))
    if let missing = node.flatMap(\.input).first(where: { !$0.isEmpty && !made.contains($0) }) {
      return "it reads \(missing), which no node makes"
    }
    return node.contains { !$0.input.allSatisfy(stored.contains) }
      ? "nodes read constants, or form a cycle" : "all that is read is constant"
  }
}
