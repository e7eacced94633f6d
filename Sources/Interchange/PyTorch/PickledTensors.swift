import Containers

/// A tensor as a pickle describes it.
enum PickledTensor {
  /// Elements of a storage, given by its persistent identifier.
  case strided(PyTorchStorages.Identity, type: String, offset: Int, shape: [Int], strides: [Int])
  /// One that is kept in another way, such as "sparse".
  case other(String)
}

/// Finds the tensors in a pickle, whatever holds them.
enum PickledTensors {
  typealias Found = (path: [String], tensor: PickledTensor)

  /// Longer ways lead to nothing that weights are kept in.
  private static let (longestPath, longestKey, mostTensors) = (32, 512, 200_000)

  /// Every tensor under keys of dictionaries, in lists, and in the attributes of objects, with the keys that lead to
  /// it; in modules these are the names that a state_dict has.
  ///
  /// What holds tensors is looked at once, however often the pickle refers to it.
  static func found(in pickle: PickledDocument, name: String) throws -> [Found] {
    var result: [Found] = []
    var seen: Set<ObjectIdentifier> = []
    var waiting: [(path: [String], value: Pickled)] = [([], pickle.root)]
    while let (path, value) = waiting.popLast() {
      if let tensor = tensor(value) {
        result.append((path, tensor))
        guard result.count <= mostTensors else {
          throw ContainerError("\(name) holds more tensors than a network has; save the model's state_dict alone")
        }
        continue
      }
      guard path.count < longestPath, let box = value.box, seen.insert(ObjectIdentifier(box)).inserted else { continue }
      for (key, child) in children(of: value, box).reversed() where child.box != nil {
        guard let key else {
          waiting.append((path, child))
          continue
        }
        if key.utf8.count <= longestKey { waiting.append((path + [key], child)) }
      }
    }
    return result
  }

  /// What a value holds, each with its key; nil where it stands for the value itself.
  private static func children(of value: Pickled, _ box: Pickled.Box) -> [(key: String?, value: Pickled)] {
    switch value {
    case .dictionary:
      return box.pairs.compactMap { pair in key(pair.key).map { ($0, pair.value) } }
    case .list, .tuple:
      return box.items.enumerated().map { ("\($0)", $1) }
    case .call:
      let entries = box.pairs.compactMap { pair in key(pair.key).map { (key: String?.some($0), value: pair.value) } }
      let given = box.items.filter(\.isDictionary).map { (key: String?.none, value: $0) }
      return entries + given + attributes(box.state)
    default: return []
    }
  }

  /// The attributes of an object; of a module only what its state_dict has.
  private static func attributes(_ state: Pickled?) -> [(key: String?, value: Pickled)] {
    switch state {
    case .dictionary(let box):
      let parts = box.pairs.filter { pair in
        guard case .text(let name) = pair.key else { return false }
        return ["_parameters", "_buffers", "_modules"].contains(name)
      }
      guard parts.isEmpty else { return parts.map { (nil, $0.value) } }
      return box.pairs.compactMap { pair in key(pair.key).map { ($0, pair.value) } }
    // Attributes and slots.
    case .tuple(let box): return box.items.filter(\.isDictionary).map { (nil, $0) }
    default: return []
    }
  }

  private static func key(_ value: Pickled) -> String? {
    switch value {
    case .text(let text): text
    case .int(let number): "\(number)"
    default: nil
    }
  }

  /// The tensor that a call of one of PyTorch's functions would make; nil for anything else.
  private static func tensor(_ value: Pickled) -> PickledTensor? {
    var (value, wraps) = (value, 0)
    while case .call(let function, let box) = value {
      let words = function.split(separator: " ")
      guard words.count == 2, words[0] == "torch" || words[0].hasPrefix("torch."), wraps < 8 else { return nil }
      wraps += 1
      switch words[1] {
      case "_rebuild_parameter", "_rebuild_parameter_with_state", "Parameter", "Buffer":
        guard let inner = box.items.first else { return nil }
        value = inner
      case "_rebuild_from_type_v2", "_rebuild_from_type":
        // A subclass: the function that makes the tensor, the class, the function's arguments.
        guard box.items.count >= 3, case .global(let inner) = box.items[0], case .tuple(let arguments) = box.items[2]
        else { return .other("kept in an unknown way") }
        return rebuilt(inner, arguments.items) ?? .other("kept in an unknown way")
      default: return rebuilt(function, box.items)
      }
    }
    return nil
  }

  private static func rebuilt(_ function: String, _ arguments: [Pickled]) -> PickledTensor? {
    let word = function.split(separator: " ").last.map(String.init) ?? ""
    switch word {
    case "_rebuild_tensor", "_rebuild_tensor_v2": return strided(arguments, type: nil)
    case "_rebuild_tensor_v3":
      guard arguments.count > 6, case .global(let type) = arguments[6] else { return .other("of an unknown type") }
      return strided(arguments, type: type)
    default:
      let kind = word.hasPrefix("_rebuild_") ? word.dropFirst("_rebuild_".count).replacing("_", with: " ") : nil
      return kind.map { .other("kept as \($0)") }
    }
  }

  private static func strided(_ arguments: [Pickled], type: String?) -> PickledTensor {
    guard arguments.count >= 4, case .persistent(let box) = arguments[0],
      let identity = PyTorchStorages.Identity(box), case .int(let offset) = arguments[1],
      let shape = numbers(arguments[2]), let strides = numbers(arguments[3]), shape.count == strides.count,
      shape.count <= 8
    else { return .other("described in an unknown way") }
    // Conjugated and negated views of other tensors say so behind; no weight is one.
    if type == nil, arguments.count > 6, case .dictionary(let marks) = arguments[6], !marks.pairs.isEmpty {
      return .other("a view that is negated or conjugated")
    }
    return .strided(identity, type: type ?? identity.type, offset: offset, shape: shape, strides: strides)
  }

  /// Numbers in a tuple, or in the `torch.Size` that tells them.
  private static func numbers(_ value: Pickled) -> [Int]? {
    switch value {
    case .tuple(let box), .list(let box):
      let found = box.items.compactMap { item -> Int? in if case .int(let number) = item { number } else { nil } }
      return found.count == box.items.count ? found : nil
    case .call("torch Size", let box):
      guard case .tuple(let sizes) = box.items.first else { return nil }
      return numbers(.tuple(sizes))
    default: return nil
    }
  }
}

extension Pickled {
  /// What holds other values.
  fileprivate var box: Box? {
    switch self {
    case .tuple(let box), .list(let box), .dictionary(let box), .call(_, let box): box
    default: nil
    }
  }

  fileprivate var isDictionary: Bool { if case .dictionary = self { true } else { false } }
}
