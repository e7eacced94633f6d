import Containers
import Networks

/// What a graph gives: one vector of classes for each image, or values of any shape.
extension ONNXGraphReader {
  /// The value as classes: a vector, or one with axes of one element around it, such as classes × 1 × 1; nil for
  /// others.
  mutating func classes(_ image: ONNXImage) throws -> ONNXImage? {
    guard image.standsAlone, image.shape.filter({ $0 > 1 }).count <= 1,
      image.shape[..<image.axis].allSatisfy({ $0 == 1 })
    else { return nil }
    guard image.shape.count != 1 || image.axis != 0 else { return image }
    let shape = try Flatten().shape(of: [image.shape], parameters: [:])
    var name = "classes", number = 2
    while shapes[name] != nil {
      name = "classes_\(number)"
      number += 1
    }
    shapes[name] = shape
    nodes.append(Node(name: name, operation: Flatten(), inputs: [image.name]))
    return ONNXImage(name: name, shape: shape)
  }
  /// The one value that the graph gives as the network's result, or several joined.
  mutating func result(_ outputs: [(name: String, image: ONNXImage)], _ file: String) throws -> ONNXImage {
    for (name, image) in outputs where !image.isPlain || image.shape.isEmpty {
      let sizes = image.sizes.map { if case .fixed(let size) = $0 { "\(size)" } else { "batch" } }
      throw ContainerError(
        """
        \(file) gives \(name) as \(sizes.joined(separator: " × ")), expected the batch first and at least one axis \
        behind it; export it so
        """)
    }
    if outputs.count == 1, outputs[0].image.name != Network.inputName { return outputs[0].image }
    var name = "outputs", number = 2
    while shapes[name] != nil {
      name = "outputs_\(number)"
      number += 1
    }
    let join = Outputs(outputs.map(\.name))
    let shape = try join.shape(of: outputs.map(\.image.shape), parameters: [:])
    shapes[name] = shape
    nodes.append(Node(name: name, operation: join, inputs: outputs.map(\.image.name)))
    return ONNXImage(name: name, shape: shape)
  }
}
