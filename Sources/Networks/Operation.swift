import Torch

/// A kind of operation, with every rule that the rest of Thresh asks of it.
///
/// Shapes are those of one image: the batch axis is left out everywhere and stays free. The channels of an image are
/// along its first axis, those of tokens along the last (see `channelAxes`).
public protocol Operation: Sendable, Codable {
  /// The name under which files keep it.
  static var kind: String { get }

  /// Shape rule: the shape of the result.
  ///
  /// - Throws: `NetworkError` (without the node's name) when inputs or parameters do not fit.
  func shape(of inputs: [[Int]], parameters: [Role: [Int]]) throws -> [Int]

  /// Execution.
  func run(_ inputs: [Tensor], _ parameters: NodeParameters, _ context: inout RunContext) -> Tensor

  /// Cost rule: multiply-accumulates for one image. Zero is an answer that the operation gives itself.
  func macs(inputs: [[Int]], output: [Int], parameters: [Role: [Int]]) -> Int

  /// Along which axes the rules below have the channels of each input, and of the result, when values have theirs along
  /// `inputs`.
  ///
  /// `shapes` are those of the inputs, `result` that of the result. Channels of an input that has them along other axes
  /// stay, and the rules see others that stay in their place.
  func channelAxes(of inputs: [[Int]], shapes: [[Int]], result: [Int]) -> ChannelAxes

  /// Coupling rule: the channels of the result, coupled with whatever lives or dies with them.
  func channels(of site: ChannelSite, _ coupling: inout ChannelCoupling) -> [Channel]

  /// Value rule: what each channel of the result carries when the inputs carry `inputs`.
  func values(of inputs: [[ChannelValue]], shapes: [[Int]], axes: ChannelAxes, _ parameters: NodeParameters)
    -> [ChannelValue]

  /// The operation when each channel stands there so many times: 0 for one that is removed, 1 for one that stays, more
  /// in a network that is built wider.
  func resized(inputs: [[Channel]], output: [Channel], axes: ChannelAxes, copies: (Channel) -> Int) -> Self

  /// Whether it may make no finite number of zero, so that units that it reads cannot become zero.
  var isUndefinedAtZero: Bool { get }

  /// What runtimes do with it where values are 8 bits.
  var quantizationRule: QuantizationRule { get }
}

extension Operation {
  public func channelAxes(of inputs: [[Int]], shapes: [[Int]], result: [Int]) -> ChannelAxes {
    ChannelAxes(inputs: inputs.map { _ in [0] }, output: [0])
  }

  public var isUndefinedAtZero: Bool { false }

  public var quantizationRule: QuantizationRule { .float }

  public func resized(inputs: [[Channel]], output: [Channel], axes: ChannelAxes, copies: (Channel) -> Int) -> Self {
    self
  }
}

/// Whether batch norm and dropout behave as in training.
public enum Mode: Sendable { case training, evaluation }

/// What a run carries besides the values: the mode, the randomness, and what training changes on the way.
public struct RunContext {
  public let mode: Mode
  /// Draws the masks of dropout; a network with dropout cannot run in training without one.
  public let generator: Generator?
  /// New running statistics of the node that is being run, if it has any.
  var statistics: [Role: Tensor] = [:]

  public init(mode: Mode, generator: Generator? = nil) {
    self.mode = mode
    self.generator = generator
  }
}

/// The tensors (or nothing) that a node uses, by role.
public struct NodeParameters: Sendable {
  private var slots: (Tensor?, Tensor?, Tensor?, Tensor?, Tensor?, Tensor?)

  public init(_ weight: Tensor? = nil, _ bias: Tensor? = nil, mean: Tensor? = nil, variance: Tensor? = nil) {
    slots = (weight, bias, mean, variance, nil, nil)
  }

  public init(_ find: (Role) -> Tensor?) {
    slots = (
      find(.weight), find(.bias), find(.runningMean), find(.runningVariance), find(.constant), find(.weightScale)
    )
  }

  public subscript(role: Role) -> Tensor? {
    switch role {
    case .weight: slots.0
    case .bias: slots.1
    case .runningMean: slots.2
    case .runningVariance: slots.3
    case .constant: slots.4
    case .weightScale: slots.5
    }
  }

  /// The weight as it is multiplied: rounded, where it has a scale.
  public var roundedWeight: Tensor {
    let weight = required(.weight)
    return self[.weightScale].map { weight.fakeQuantized(scales: $0, range: QuantizationGrid.signed) } ?? weight
  }

  /// A parameter that validation has found to be there.
  func required(_ role: Role) -> Tensor {
    guard let tensor = self[role] else {
      preconditionFailure("\(role.rawValue) is missing; validate the network first")
    }
    return tensor
  }
}

/// Checks that rules share.
enum Expect {
  static func inputs(_ inputs: [[Int]], _ count: Int) throws {
    guard inputs.count == count else { throw NetworkError("reads \(inputs.count) values, expected \(count)") }
  }

  static func image(_ shape: [Int]) throws {
    guard shape.count == 3 else { throw NetworkError("reads shape \(shape), expected channels × height × width") }
  }

  static func parameter(_ role: Role, _ parameters: [Role: [Int]], rank: Int) throws -> [Int] {
    guard let shape = parameters[role] else { throw NetworkError("has no \(role.rawValue)") }
    guard shape.count == rank else {
      throw NetworkError("has a \(role.rawValue) of shape \(shape), expected \(rank) axes")
    }
    return shape
  }

  static func vector(_ role: Role, _ parameters: [Role: [Int]], count: Int) throws {
    guard let shape = parameters[role] else { return }
    guard shape == [count] else {
      throw NetworkError("has a \(role.rawValue) of shape \(shape), expected [\(count)]")
    }
  }

  static func pair(_ values: [Int], _ what: String, atLeast least: Int) throws {
    guard values.count == 2, values.allSatisfy({ $0 >= least && $0 <= 1 << 20 }) else {
      throw NetworkError("has \(what) \(values), expected two numbers from \(least)")
    }
  }
}
