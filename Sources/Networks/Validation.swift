extension Network {
  /// Checks names, order, parameters and shapes of the whole network.
  ///
  /// - Returns: the shape of every node's value for one image, by name.
  /// - Throws: `NetworkError` naming the first node that is wrong.
  @discardableResult
  public func validate() throws -> [String: [Int]] {
    for node in nodes {
      for (_, name) in node.parameters.sorted(by: { $0.key < $1.key }) {
        guard let dtype = parameters[name]?.dtype, dtype == .int64 || dtype == .uint8 else { continue }
        throw NetworkError("node \(node.name) uses parameter \(name) of type \(dtype), expected a type of real numbers")
      }
    }
    return try validate(parameterShapes: parameters.mapValues(\.shape))
  }

  /// Checks the same against shapes of parameters alone, before any is loaded.
  @discardableResult
  public func validate(parameterShapes: [String: [Int]]) throws -> [String: [Int]] {
    guard inputShape.count == 3, inputShape.allSatisfy({ (1...1 << 16).contains($0) }) else {
      throw NetworkError("the input has shape \(inputShape), expected channels × height × width, each from 1 to 65536")
    }
    var shapes = [Network.inputName: inputShape]
    for node in nodes {
      do {
        try shapes.updateValue(shape(of: node, shapes, parameterShapes), forKey: node.name)
      } catch let error as NetworkError {
        throw NetworkError("node \(node.name) \(error.description)")
      }
    }
    guard output != Network.inputName, shapes[output] != nil else {
      throw NetworkError("the output is called \(output), but no node is")
    }
    return shapes
  }

  private func shape(
    of node: Node, _ shapes: [String: [Int]], _ parameterShapes: [String: [Int]]
  ) throws -> [Int] {
    guard shapes[node.name] == nil else { throw NetworkError("has a name that is already taken") }
    let inputs = try node.inputs.map { name in
      guard let shape = shapes[name] else { throw NetworkError("reads \(name), which no earlier node makes") }
      return shape
    }
    let own = try node.parameters.mapValues { name in
      guard let shape = parameterShapes[name] else { throw NetworkError("uses parameter \(name), which is missing") }
      return shape
    }
    let shape = try node.operation.shape(of: inputs, parameters: own)
    let elements = shape.reduce((1, false)) { sofar, next in
      let (product, overflow) = sofar.0.multipliedReportingOverflow(by: next)
      return (product, sofar.1 || overflow)
    }
    guard !elements.1, elements.0 <= 1 << 31 else { throw NetworkError("makes a value of shape \(shape), too large") }
    return shape
  }
}
