import Containers
import Networks
import ONNXSchema

/// What was read of a graph: the network that gives its classes or all that it gives, and how the file meets other
/// programs.
struct ONNXReading {
  var network: Network
  var interface: ModelInterface
  /// Whether the network gives one vector of classes for each image.
  var givesClasses: Bool
  var notes: [String]
  /// What the file has behind the network.
  var tail: ONNXTail?

  /// Reads what some of the graph's outputs give.
  ///
  /// - Throws: `ContainerError` naming what cannot be read, or an output that is no value of each image.
  private init(
    _ outputs: [ONNXValueInfoProto], of graph: ONNXGraphProto, _ versions: ONNXVersions, _ tensors: ONNXTensors,
    _ options: ReadingOptions
  ) throws {
    let part = graph.needed(for: outputs)
    let quantized = part.quantized
    guard quantized.isEmpty else {
      throw ContainerError(
        """
        \(tensors.file) is quantised (\(quantized.joined(separator: ", "))), expected floating-point numbers, or 8 bits \
        by QuantizeLinear and DequantizeLinear (QDQ); give the file that it was made of
        """)
    }
    guard !part.node.isEmpty else {
      throw ContainerError("\(tensors.file) gives what it reads and computes nothing; export it again")
    }
    let input = try ONNXInput(of: part, tensors.file, options)
    var reader = try ONNXGraphReader(part, input, opset: versions.own, tensors)
    do {
      (network, givesClasses) = try reader.network(of: part)
    } catch let error as NetworkError {
      throw ContainerError("\(tensors.file) does not hold a valid network: \(error.description)")
    }
    interface = ModelInterface()
    (interface.inputName, interface.outputName) = (input.name, outputs.count == 1 ? outputs[0].name : nil)
    interface.inputType = input.type
    if input.opensSize { interface.opensSize = true }
    interface.outputActivation = reader.outputActivation
    if outputs.allSatisfy({ $0.type.tensorType.elemType == ONNXType.float16.rawValue }) {
      interface.outputType = .float16
    }
    notes = input.notes
    switch part.weightType {
    case .float16: interface.weightType = .float16
    case .bfloat16: notes.append("\(tensors.file) holds bfloat16; written files hold float32")
    case .double: notes.append("\(tensors.file) holds float64; written files hold float32")
    default: break
    }
  }

  /// Reads all that a graph gives, as far as it is a network: what follows is kept.
  ///
  /// - Throws: `ContainerError` naming what cannot be read.
  private init(
    all graph: ONNXGraphProto, _ versions: ONNXVersions, _ tensors: ONNXTensors, _ options: ReadingOptions
  ) throws {
    var failure: ContainerError?
    // What is no float cannot be what a network gives.
    if graph.output.allSatisfy(\.mayBeReal) {
      do {
        self = try ONNXReading(graph.output, of: graph, versions, tensors, options)
        return
      } catch let error as ContainerError {
        failure = error
      }
    }
    guard let cut = try ONNXCut(of: graph, versions, tensors, options) else {
      throw failure
        ?? ContainerError(
          "\(tensors.file) gives \(graph.output.map(\.words).joined(separator: ", ")), expected floating-point numbers")
    }
    self = try ONNXReading(cut.outputs, of: graph, versions, tensors, options)
    let held = network.parameters.values.map(\.count).reduce(0, +)
    // Little would be gained where hardly anything lies before the cut.
    guard held * 20 > cut.tail.weights, held > 0 else {
      throw ONNXGraphReader.complaint(
        cut.problems.isEmpty ? ["hardly anything is learnt before its end"] : cut.problems, tensors.file)
    }
    (givesClasses, tail) = (false, cut.tail)
    notes.append(cut.note(tensors.file, weights: held))
  }

  /// Reads the output that was named, or the only one that gives classes; where none does, or everything is wanted, all
  /// outputs.
  ///
  /// - Throws: `OpenChoice` when several give classes, `ContainerError` when what is wanted cannot be read.
  init(
    of graph: ONNXGraphProto, _ versions: ONNXVersions, _ tensors: ONNXTensors, _ options: ReadingOptions
  ) throws {
    let file = tensors.file
    let graph = try graph.giving(options.inputs, file)
    guard let only = graph.output.first else {
      throw ContainerError("\(file) has no output, expected images in and at least one value out")
    }
    func read(_ outputs: ONNXValueInfoProto...) throws -> ONNXReading {
      try ONNXReading(outputs, of: graph, versions, tensors, options)
    }
    func readAll() throws -> ONNXReading {
      try ONNXReading(all: graph, versions, tensors, options)
    }
    guard graph.output.count > 1 else {
      self = only.maySayClasses(of: graph) && !options.takesAllOutputs ? try read(only) : try readAll()
      if let name = options.outputName, name != only.name {
        notes.append("\(file) has no other output than \(only.name), which is taken instead of \(name)")
      }
      return
    }
    let all = graph.output.map(\.words).joined(separator: ", ")
    if let name = options.outputName {
      guard let wanted = graph.output.first(where: { $0.name == name }) else {
        throw OpenChoice(
          question: .output,
          description: "\(file) has no output \(name) but \(all); name the one that gives the classes")
      }
      self = try read(wanted)
      return
    }
    guard !options.takesAllOutputs else {
      self = try readAll()
      return
    }
    let attempts = graph.output.map { output in (output: output, result: Result { try read(output) }) }
    let found = attempts.compactMap { try? $0.result.get() }.filter(\.tellsClassesApart)
    // One that says that it is classes of images is meant, whether or not it can be read.
    let unread = attempts.filter { attempt in
      attempt.output.looksLikeClasses(of: graph) && (try? attempt.result.get()) == nil
        && graph.needed(for: [attempt.output]).input.contains { $0.type.tensorType.shape.dim.count == 4 }
    }
    guard let first = found.first else {
      do {
        self = try readAll()
      } catch {
        _ = try unread.first?.result.get()
        throw error
      }
      return
    }
    guard unread.isEmpty, found.allSatisfy({ $0.givesTheSame(as: first) }) else {
      throw OpenChoice(
        question: .output,
        description: "\(file) has several outputs that may be the classes: \(all); name the one that gives them")
    }
    // Of logits and their probabilities the logits.
    self = found.first { $0.interface.outputActivation == nil } ?? first
    notes.append("of the outputs of \(file), \(all), \(interface.outputName ?? "") gives the classes and is taken")
  }

  private var tellsClassesApart: Bool {
    givesClasses && ((try? network.validate())?[network.output]?.first ?? 0) > 1
  }

  /// Whether the logits are those of the other.
  private func givesTheSame(as other: ONNXReading) -> Bool {
    network.output == other.network.output && network.nodes.map(\.name) == other.network.nodes.map(\.name)
  }
}
