import Networks
import Torch

/// Under what a time is measured, and holds.
public struct TimingConditions: Sendable, Codable, Hashable {
  /// The numbers that a network is deployed in.
  public enum Precision: String, Sendable, Codable, CaseIterable {
    case float32, bfloat16
    /// Layers in 8 bits as `Quantizer` leaves them, the rest in float32; only other runtimes compute so.
    case int8

    /// Runs `body` as Thresh's own engine computes in this precision.
    func callAsFunction<Value>(_ body: () -> Value) -> Value {
      switch self {
      case .float32: body()
      case .bfloat16: withBFloat16Autocast(body)
      case .int8: preconditionFailure("Thresh's own engine does not compute in 8 bits")
      }
    }
  }

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
  /// Another runtime than Thresh's own engine.
  public struct Runtime: Sendable {
    /// Its name and version.
    public var name: String
    /// Milliseconds for a batch of whole networks that take turns.
    public var networks: @Sendable ([Network]) throws -> [Double]

    public init(name: String, networks: @escaping @Sendable ([Network]) throws -> [Double]) {
      self.name = name
      self.networks = networks
    }
  }

  /// Those of the network; its layers may meet others.
  public var conditions: TimingConditions
  /// Groups keep a multiple of this many units: half a vector of 16 floats, or what the runtime is fast at.
  public var unitStep = 8
  /// Nil is Thresh's own engine, whose networks take as long as their instructions together. What another runtime does
  /// between the layers is not known: there whole networks have the last word.
  public var runtime: Runtime?
  public var times: @Sendable (TimingConditions, [ShapedInstruction]) throws -> LayerTimes

  public init(
    _ conditions: TimingConditions,
    times: @escaping @Sendable (TimingConditions, [ShapedInstruction]) throws -> LayerTimes
  ) {
    self.conditions = conditions
    self.times = times
  }

  /// Under what the layers of a network run, and how often one after the other: Thresh's own engine cuts batches into
  /// chunks.
  ///
  /// - Throws: `NetworkError` when the network is not valid.
  func conditions(of network: Network) throws -> (conditions: TimingConditions, rounds: Int) {
    runtime == nil ? conditions.divided(by: try network.batchChunks()) : (conditions, 1)
  }

  /// The instructions of a layer's factors as they are measured: as one where the engine runs them so, or where the
  /// runtime is to see all that it might fuse.
  func joined(_ factors: [ShapedInstruction]) -> [ShapedInstruction] {
    factors.joined(always: runtime != nil)
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
