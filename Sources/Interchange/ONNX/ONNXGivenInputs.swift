import Containers
import ONNXSchema

/// Inputs that are no images, as constants.
extension ONNXGraphProto {
  /// The graph with constants in place of some of its inputs.
  ///
  /// - Throws: `ContainerError` when the graph has no such input, or one that does not hold these numbers.
  func giving(_ given: [GivenInput], _ file: String) throws -> ONNXGraphProto {
    guard !given.isEmpty else { return self }
    var result = self
    for value in given {
      guard let place = result.input.firstIndex(where: { $0.name == value.name }) else {
        throw ContainerError(
          "\(file) has no input \(value.name) but \(input.map(\.words).joined(separator: ", ")); name one of them")
      }
      let tensor = try value.tensor(for: result.input.remove(at: place), file)
      // A constant of a node is none that training changes, as one that is stored with the weights is.
      result.initializer.removeAll { $0.name == value.name }
      result.node.insert(.constant(tensor, makes: value.name), at: 0)
    }
    return result
  }
}

extension GivenInput {
  /// The numbers in the shape that the input has, open sizes taken as 1.
  fileprivate func tensor(for input: ONNXValueInfoProto, _ file: String) throws -> ONNXTensorProto {
    let sizes = input.type.tensorType.shape.dim.map { $0.dimValue > 0 ? Int(clamping: $0.dimValue) : 1 }
    let count = sizes.checkedProduct ?? .max
    guard count <= ONNXConstant.largestCount, numbers.count == 1 || numbers.count == count else {
      throw ContainerError(
        "input \(input.words) of \(file) was given \(numbers.count) numbers, expected one, or one for each element")
    }
    let all = numbers.count == count ? numbers : Array(repeating: numbers[0], count: count)
    var tensor = ONNXTensorProto()
    tensor.dims = sizes.map(Int64.init)
    tensor.dataType = input.type.tensorType.elemType
    switch ONNXType(rawValue: tensor.dataType) {
    case .float: tensor.floatData = all.map(Float.init)
    case .double: tensor.doubleData = all
    case .float16: tensor.int32Data = all.map { Int32(Float16($0).bitPattern) }
    case .int64 where all.allSatisfy { Int64(exactly: $0) != nil }: tensor.int64Data = all.map { Int64($0) }
    case .int32 where all.allSatisfy { Int32(exactly: $0) != nil }: tensor.int32Data = all.map { Int32($0) }
    case .bool where all.allSatisfy { [0, 1].contains($0) }: tensor.int32Data = all.map { Int32($0) }
    default:
      throw ContainerError(
        "input \(input.words) of \(file) is \(ONNXType.name(of: tensor.dataType)), which cannot hold \(numbers[0])")
    }
    return tensor
  }
}
