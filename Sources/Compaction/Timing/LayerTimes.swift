import Networks
import Torch

/// Under what a time is measured, and holds.
public struct TimingConditions: Sendable, Codable, Hashable {
  /// Images at once.
  public var batchSize: Int
  public var threads: Int
  public var precision: Precision

  public init(batchSize: Int, threads: Int, precision: Precision = .float32) {
    self.batchSize = batchSize
    self.threads = threads
    self.precision = precision
  }

  /// What a network in inference meets where its batches are cut into chunks: the largest chunk on a thread of its own,
  /// and how many of them a thread takes one after the other.
  func divided(by chunks: BatchChunks?) -> (conditions: TimingConditions, rounds: Int) {
    guard precision == .float32, let ranges = chunks?.ranges(of: batchSize, threads: threads) else { return (self, 1) }
    let images = ranges.map(\.count).max() ?? batchSize
    return (TimingConditions(batchSize: images, threads: 1, precision: precision), ranges.count / threads)
  }
}

/// Milliseconds that instructions take for a batch: a value that is measured, kept in a file, or written by hand.
public struct LayerTimes: Sendable, Codable, Equatable {
  public var conditions: TimingConditions
  /// By the instruction's key.
  public var milliseconds: [String: Double]

  public init(_ conditions: TimingConditions, milliseconds: [String: Double] = [:]) {
    self.conditions = conditions
    self.milliseconds = milliseconds
  }

  public subscript(instruction: ShapedInstruction) -> Double? {
    get { milliseconds[instruction.key] }
    set { milliseconds[instruction.key] = newValue }
  }

  /// Those of `instructions` that have no time yet, each once, in their order.
  public func missing(_ instructions: [ShapedInstruction]) -> [ShapedInstruction] {
    var seen = Set<ShapedInstruction>()
    return instructions.filter { self[$0] == nil && seen.insert($0).inserted }
  }

  /// So many times as long.
  func scaled(by factor: Int) -> LayerTimes {
    LayerTimes(conditions, milliseconds: milliseconds.mapValues { $0 * Double(factor) })
  }

  /// The sum over instructions; nil where one is not known.
  public func total(_ instructions: [ShapedInstruction]) -> Double? {
    instructions.reduce(0) { sum, instruction in
      guard let sum, let own = self[instruction] else { return nil }
      return sum + own
    }
  }
}

/// Where planning gets its times from: it tells what it needs, under which conditions, and is given at least that.
public struct LayerClock: Sendable {
  /// Those of the network; its layers may meet others.
  public var conditions: TimingConditions
  public var times: @Sendable (TimingConditions, [ShapedInstruction]) throws -> LayerTimes

  public init(
    _ conditions: TimingConditions,
    times: @escaping @Sendable (TimingConditions, [ShapedInstruction]) throws -> LayerTimes
  ) {
    self.conditions = conditions
    self.times = times
  }
}

/// A network's time by the sum of its nodes.
public struct NetworkTime: Sendable, Codable, Equatable {
  /// Milliseconds of each layer with a matrix, by its name; a pair is one.
  public var layers: [String: Double]
  /// Of everything between: batch norms, activations, additions, pooling.
  public var rest: Double

  /// Summed in the order of the names: a dictionary's own is another each time, and so is the last digit.
  public var total: Double { layers.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value } + rest }

  /// - Parameter milliseconds: of a node.
  public init(_ network: Network, _ milliseconds: (String) -> Double) {
    layers = [:]
    var own = Set<String>()
    for layer in network.matrixLayers {
      own.formUnion(layer.nodes)
      layers[layer.name] = layer.nodes.map(milliseconds).reduce(0, +)
    }
    rest = network.nodes.map(\.name).filter { !own.contains($0) }.map(milliseconds).reduce(0, +)
  }
}
