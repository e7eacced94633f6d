import Networks

/// What a graph gives, as one vector for each image.
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
}
