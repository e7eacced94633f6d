@testable import Networks
import Torch

/// Numbers that look random and are the same in every run (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// A small network drawn at random over all operations: shared weights and biases, several readers of a value, batch
/// norms in odd places, linear layers along any axis.
struct RandomGraph {
  private(set) var network: Network
  private var shapes: [String: [Int]]
  private var random: SeededRandom
  private var generator: Generator
  /// Names of parameters by what they can stand in for, and their shape.
  private var pool: [Pool: [String]] = [:]

  /// What a parameter's numbers are like.
  enum Likeness: Hashable { case matrix, positive, signed }

  private struct Pool: Hashable {
    var likeness: Likeness
    var shape: [Int]
  }

  /// A step that cannot be made here.
  struct Impossible: Error {}

  /// Appends the operations of one step; throws where what is drawn does not fit.
  typealias Maker = @Sendable (inout RandomGraph) throws -> Void

  /// - Parameter seed: of all that is drawn.
  init(seed: UInt64) throws {
    random = SeededRandom(seed: seed)
    generator = Generator(seed: seed)
    let channels = [1, 3].randomElement(using: &random) ?? 3
    let (height, width) = (Int.random(in: 4...9, using: &random), Int.random(in: 4...9, using: &random))
    network = Network(
      inputShape: [channels, height, width], nodes: [], output: Network.inputName, parameters: [:])
    shapes = [Network.inputName: network.inputShape]
    let makers = Self.makers.sorted { $0.key < $1.key }.map(\.value) + Self.patterns + Self.patterns
    let steps = Int.random(in: 3...10, using: &random)
    var made = 0
    for _ in 0..<100 where made < steps {
      let before = self
      do {
        try (makers.randomElement(using: &random) ?? Self.convolution)(&self)
        made += 1
      } catch {
        // What was drawn goes on from here, with the nodes of before.
        let now = random
        self = before
        random = now
      }
    }
    try finish()
  }

  /// The kinds of operation in it.
  var kinds: Set<String> { Set(network.nodes.map { type(of: $0.operation).kind }) }
}

// MARK: Drawing

extension RandomGraph {
  mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

  mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &random) < probability }

  mutating func one<T>(of list: [T]) throws -> T {
    guard let found = list.randomElement(using: &random) else { throw Impossible() }
    return found
  }

  func shape(_ value: String) -> [Int] { shapes[value] ?? [] }

  /// A value that is there, often the last one.
  mutating func value(where fits: ([Int]) -> Bool = { _ in true }) throws -> String {
    let names = ([Network.inputName] + network.nodes.map(\.name)).filter { fits(shape($0)) }
    if let last = names.last, chance(0.6) { return last }
    return try one(of: names)
  }

  mutating func image() throws -> String { try value { $0.count == 3 } }

  mutating func axis(of value: String) -> Int { int(0...(shape(value).count - 1)) }

  /// Appends a node that reads `inputs`, of a new name.
  @discardableResult
  mutating func append(
    _ operation: any Networks.Operation, _ inputs: [String],
    _ parameters: [Role: (Likeness, [Int])] = [:], keeping given: [Role: String] = [:], named name: String? = nil
  ) throws -> String {
    let name = name ?? "n\(network.nodes.count)"
    var node = Node(name: name, operation: operation, inputs: inputs, parameters: given)
    // Large matrices take long to decompose and show nothing more.
    guard parameters.values.allSatisfy({ $0.1.reduce(1, *) <= 5000 }) else { throw Impossible() }
    for (role, wanted) in parameters.sorted(by: { $0.key < $1.key }) {
      node.parameters[role] = parameter("\(name).\(role.rawValue)", wanted.0, wanted.1)
    }
    let own = node.parameters.compactMapValues { network.parameters[$0]?.shape }
    let shape = try operation.shape(of: inputs.map(shape), parameters: own)
    guard shape.reduce(1, *) <= 2000 else { throw Impossible() }
    network.nodes.append(node)
    shapes[name] = shape
    return name
  }

  /// A new parameter, or one of that shape that another node has.
  private mutating func parameter(_ name: String, _ likeness: Likeness, _ shape: [Int]) -> String {
    let pool = Pool(likeness: likeness, shape: shape)
    if chance(0.25), let shared = self.pool[pool]?.randomElement(using: &random) { return shared }
    var tensor =
      switch likeness {
      case .matrix:
        Tensor.normal(shape, using: generator) / Double(max(1, shape.dropFirst().reduce(1, *))).squareRoot()
      case .positive: Tensor.uniform(shape, in: 0.5...1.5, using: generator)
      case .signed: Tensor.normal(shape, using: generator) * 0.3
      }
    // Units that do nothing, and biases as they start.
    if likeness == .matrix, shape[0] > 1, chance(0.3) {
      let keeps = (0..<shape[0]).map { _ in chance(0.7) ? Float(1) : 0 }
      tensor = tensor * Tensor(keeps, shape: [shape[0]] + shape.dropFirst().map { _ in 1 })
    }
    if likeness == .signed, chance(0.3) { tensor = .zeros(shape) }
    network.parameters[name] = tensor
    self.pool[pool, default: []].append(name)
    return name
  }

  /// Joins all values that nothing reads into a vector, or classes.
  private mutating func finish() throws {
    let read = Set(network.nodes.flatMap(\.inputs))
    var ends = network.nodes.map(\.name).filter { !read.contains($0) }
    if !read.contains(Network.inputName) { ends.append(Network.inputName) }
    let vectors = try ends.map { shape($0).count == 1 && $0 != Network.inputName ? $0 : try append(Flatten(), [$0]) }
    var end = vectors.count == 1 ? vectors[0] : try append(Concatenate(), vectors)
    if shape(end)[0] > 12 || chance(0.5) {
      let classes = int(2...5)
      end = try append(Linear(), [end], [.weight: (.matrix, [classes, shape(end)[0]]), .bias: (.signed, [classes])])
    }
    network.output = end
    network.dropUnusedParameters()
    try network.validate()
    guard !network.constantValues.contains(end) else { throw Impossible() }
  }
}
