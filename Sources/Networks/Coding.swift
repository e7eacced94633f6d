import Torch

extension Node: Codable {
  private struct Key: CodingKey {
    let stringValue: String
    let intValue: Int? = nil
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
    static let (name, inputs, parameters, factor) = (Key("name"), Key("inputs"), Key("parameters"), Key("factor"))
    static let all = [name, inputs, parameters, factor].map(\.stringValue)
    init(_ name: String) { stringValue = name }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    name = try container.decode(String.self, forKey: .name)
    inputs = try container.decode([String].self, forKey: .inputs)
    parameters = try container.decodeIfPresent([Role: String].self, forKey: .parameters) ?? [:]
    factor = try container.decodeIfPresent(FactorRole.self, forKey: .factor)
    let kinds = container.allKeys.map(\.stringValue).filter { !Key.all.contains($0) }
    guard kinds.count == 1, let type = OperationRegistry.operations.first(where: { $0.kind == kinds[0] }) else {
      let known = OperationRegistry.operations.map { $0.kind }.joined(separator: ", ")
      throw NetworkError("node \(name) has operation \(kinds.sorted()), expected one of \(known)")
    }
    operation = try Node.decode(type, container, Key(kinds[0]))
  }

  private static func decode<Kind: Operation>(
    _ type: Kind.Type, _ container: KeyedDecodingContainer<Key>, _ key: Key
  ) throws -> any Operation {
    try container.decode(Kind.self, forKey: key)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(name, forKey: .name)
    try container.encode(inputs, forKey: .inputs)
    if !parameters.isEmpty { try container.encode(parameters, forKey: .parameters) }
    try container.encodeIfPresent(factor, forKey: .factor)
    try container.encode(operation, forKey: Key(type(of: operation).kind))
  }
}

/// A network without its parameters: what a file keeps beside the weights.
public struct Architecture: Codable, Sendable {
  public var inputShape: [Int]
  public var nodes: [Node]
  public var output: String

  public init(_ network: Network) {
    inputShape = network.inputShape
    nodes = network.nodes
    output = network.output
  }

  /// The network with these parameters; those that no node uses are dropped.
  ///
  /// - Throws: `NetworkError` when architecture and parameters do not make a valid network.
  public func network(with parameters: [String: Tensor]) throws -> Network {
    var network = Network(inputShape: inputShape, nodes: nodes, output: output, parameters: parameters)
    let used = Set(network.parameterNames)
    network.parameters = parameters.filter { used.contains($0.key) }
    try network.validate()
    // Files that were written before nodes kept their role say which are factors by names alone.
    return nodes.contains { $0.factor != nil } ? network : network.recognizingFactors()
  }
}
