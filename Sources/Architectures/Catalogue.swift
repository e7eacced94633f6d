import Networks

/// The architectures that the command line knows by name.
public enum Catalogue: String, CaseIterable, Sendable {
  case dec3, dec8
  case dec8Wide = "dec8-512"
  case lenet5, resnet20, resnet32, resnet44, resnet56, resnet18, resnet34, resnet50
  case resnet50Decomposed = "resnet50-dec"
  case vgg16

  /// A new network of this architecture with random weights.
  ///
  /// - Parameter shape: channels × height × width of one image.
  /// - Throws: `NetworkError` when the images are too small for it.
  public func network(input shape: [Int], classes: Int, seed: UInt64) throws -> Network {
    switch self {
    case .dec3: try .dec3(input: shape, classes: classes, seed: seed)
    case .dec8: try .dec8(input: shape, classes: classes, seed: seed)
    case .dec8Wide: try .dec8(input: shape, classes: classes, widest: 512, seed: seed)
    case .lenet5: try .lenet5(input: shape, classes: classes, seed: seed)
    case .resnet20: try .cifarResNet(blocks: 3, input: shape, classes: classes, seed: seed)
    case .resnet32: try .cifarResNet(blocks: 5, input: shape, classes: classes, seed: seed)
    case .resnet44: try .cifarResNet(blocks: 7, input: shape, classes: classes, seed: seed)
    case .resnet56: try .cifarResNet(blocks: 9, input: shape, classes: classes, seed: seed)
    case .resnet18: try .resNet(.resnet18, input: shape, classes: classes, seed: seed)
    case .resnet34: try .resNet(.resnet34, input: shape, classes: classes, seed: seed)
    case .resnet50: try .resNet(.resnet50, input: shape, classes: classes, seed: seed)
    case .resnet50Decomposed: try .decomposedResNet50(input: shape, classes: classes, seed: seed)
    case .vgg16: try .vgg16(input: shape, classes: classes, seed: seed)
    }
  }

  /// What weights that others trained for an architecture were trained on; their normalisation is ImageNet's.
  public struct Usual: Sendable {
    /// channels × height × width.
    public var shape: [Int]
    public var classes: Int
  }

  public var usual: Usual {
    switch self {
    case .dec3: Usual(shape: [3, 32, 32], classes: 36)
    case .lenet5: Usual(shape: [1, 28, 28], classes: 10)
    case .resnet20, .resnet32, .resnet44, .resnet56: Usual(shape: [3, 32, 32], classes: 10)
    case .dec8, .dec8Wide, .resnet18, .resnet34, .resnet50, .resnet50Decomposed, .vgg16:
      Usual(shape: [3, 224, 224], classes: 1000)
    }
  }
}
