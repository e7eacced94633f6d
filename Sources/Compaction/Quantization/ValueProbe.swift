import Networks
import Torch

/// Looks at values of a network while it runs.
struct ValueProbe {
  private let program: Program
  /// By the position of the first node that reads it: the place among what that reads, and the name.
  private let places: [Int: [(input: Int, name: String)]]
  private let output: String?

  /// - Parameter names: of values; the output may be among them.
  /// - Throws: `NetworkError` when the network is not valid.
  init(_ network: Network, _ names: some Collection<String>, on device: Device) throws {
    // Unfused, what runs is node after node.
    program = try Program(network.placed(on: device), .reference)
    var places: [Int: [(input: Int, name: String)]] = [:]
    for name in names {
      guard let position = network.nodes.firstIndex(where: { $0.inputs.contains(name) }),
        let input = network.nodes[position].inputs.firstIndex(of: name)
      else { continue }
      places[position, default: []].append((input, name))
    }
    self.places = places
    output = names.contains(network.output) ? network.output : nil
  }

  /// Runs N×C×H×W images through the network, in evaluation, and hands every value over.
  ///
  /// - Returns: the network's result.
  @discardableResult
  func callAsFunction(_ images: Tensor, _ body: (String, Tensor) -> Void) -> Tensor {
    withoutActuallyEscaping(body) { body in
      withoutGradients {
        let result = program.run(images, parameters: program.parameters, mode: .evaluation) { position, inputs in
          for place in places[position] ?? [] { body(place.name, inputs[place.input]) }
        }
        if let output { body(output, result.output) }
        return result.output
      }
    }
  }
}
