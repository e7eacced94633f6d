import Networks

/// The architectures that the command line knows by name.
///
/// Parameters have the names of torchvision's state dicts, those of `deit_…` timm's.
public enum Catalogue: String, CaseIterable, Sendable {
  case dec3, dec8
  case dec8Wide = "dec8-512"
  case lenet5, resnet20, resnet32, resnet44, resnet56
  case resnet18, resnet34, resnet50, resnet101, resnet152
  case resnet50Decomposed = "resnet50-dec"
  case wideResNet50 = "wide_resnet50_2"
  case resNeXt50 = "resnext50_32x4d"
  case vgg11
  case vgg11BatchNorm = "vgg11_bn"
  case vgg13
  case vgg13BatchNorm = "vgg13_bn"
  case vgg16
  case vgg16BatchNorm = "vgg16_bn"
  case vgg19
  case vgg19BatchNorm = "vgg19_bn"
  case mobileNetV2 = "mobilenet_v2"
  case mobileNetV3Small = "mobilenet_v3_small"
  case mobileNetV3Large = "mobilenet_v3_large"
  case mnasNet = "mnasnet1_0"
  case squeezeNet = "squeezenet1_1"
  case shuffleNetV2 = "shufflenet_v2_x1_0"
  case efficientNetB0 = "efficientnet_b0"
  case efficientNetB1 = "efficientnet_b1"
  case efficientNetB2 = "efficientnet_b2"
  case efficientNetB3 = "efficientnet_b3"
  case efficientNetV2Small = "efficientnet_v2_s"
  case regNetY400MF = "regnet_y_400mf"
  case regNetY8GF = "regnet_y_8gf"
  case denseNet121 = "densenet121"
  case convNeXtTiny = "convnext_tiny"
  case convNeXtSmall = "convnext_small"
  case visionTransformer = "vit_b_16"
  case deitTiny = "deit_tiny_patch16_224"
  case deitSmall = "deit_small_patch16_224"
  case deitBase = "deit_base_patch16_224"
  case swinTiny = "swin_t"

  /// A new network of this architecture with random weights.
  ///
  /// - Parameter shape: channels × height × width of one image.
  /// - Throws: `NetworkError` when the images are too small for it.
  public func network(input shape: [Int], classes: Int, seed: UInt64) throws -> Network {
    var net = NetworkBuilder(input: shape, seed: seed)
    let network = try build(&net, classes: classes)
    return self == .resnet50Decomposed ? try network.decomposed(seed: seed) { $0 == "conv1" } : network
  }

  /// The network with all weights zero, which takes no memory: to be counted, or to be given weights.
  ///
  /// - Throws: `NetworkError` when the images are too small for it.
  public func withoutWeights(input shape: [Int], classes: Int) throws -> Network {
    var net = NetworkBuilder(withoutWeightsFor: shape)
    let network = try build(&net, classes: classes)
    return self == .resnet50Decomposed ? try network.decomposed(seed: 0) { $0 == "conv1" } : network
  }

  private func build(_ net: inout NetworkBuilder, classes: Int) throws -> Network {
    switch self {
    case .dec3: try net.dec3(classes: classes)
    case .dec8: try net.dec8(classes: classes)
    case .dec8Wide: try net.dec8(widest: 512, classes: classes)
    case .lenet5: try net.lenet5(classes: classes)
    case .resnet20: try net.cifarResNet(blocks: 3, classes: classes)
    case .resnet32: try net.cifarResNet(blocks: 5, classes: classes)
    case .resnet44: try net.cifarResNet(blocks: 7, classes: classes)
    case .resnet56: try net.cifarResNet(blocks: 9, classes: classes)
    case .resnet18: try net.resNet(.resnet18, classes: classes)
    case .resnet34: try net.resNet(.resnet34, classes: classes)
    case .resnet50, .resnet50Decomposed: try net.resNet(.resnet50, classes: classes)
    case .resnet101: try net.resNet(.resnet101, classes: classes)
    case .resnet152: try net.resNet(.resnet152, classes: classes)
    case .wideResNet50: try net.resNet(.wideResNet50, classes: classes)
    case .resNeXt50: try net.resNet(.resNeXt50, classes: classes)
    case .vgg11: try net.vgg(.vgg11, batchNorm: false, classes: classes)
    case .vgg11BatchNorm: try net.vgg(.vgg11, batchNorm: true, classes: classes)
    case .vgg13: try net.vgg(.vgg13, batchNorm: false, classes: classes)
    case .vgg13BatchNorm: try net.vgg(.vgg13, batchNorm: true, classes: classes)
    case .vgg16: try net.vgg(.vgg16, batchNorm: false, classes: classes)
    case .vgg16BatchNorm: try net.vgg(.vgg16, batchNorm: true, classes: classes)
    case .vgg19: try net.vgg(.vgg19, batchNorm: false, classes: classes)
    case .vgg19BatchNorm: try net.vgg(.vgg19, batchNorm: true, classes: classes)
    case .mobileNetV2: try net.mobileNetV2(classes: classes)
    case .mobileNetV3Small: try net.mobileNetV3(.small, classes: classes)
    case .mobileNetV3Large: try net.mobileNetV3(.large, classes: classes)
    case .mnasNet: try net.mnasNet(classes: classes)
    case .squeezeNet: try net.squeezeNet(classes: classes)
    case .shuffleNetV2: try net.shuffleNetV2(classes: classes)
    case .efficientNetB0: try net.efficientNet(.b0, classes: classes)
    case .efficientNetB1: try net.efficientNet(.b1, classes: classes)
    case .efficientNetB2: try net.efficientNet(.b2, classes: classes)
    case .efficientNetB3: try net.efficientNet(.b3, classes: classes)
    case .efficientNetV2Small: try net.efficientNet(.v2Small, classes: classes)
    case .regNetY400MF: try net.regNet(.y400MF, classes: classes)
    case .regNetY8GF: try net.regNet(.y8GF, classes: classes)
    case .denseNet121: try net.denseNet121(classes: classes)
    case .convNeXtTiny: try net.convNeXt(.tiny, classes: classes)
    case .convNeXtSmall: try net.convNeXt(.small, classes: classes)
    case .visionTransformer: try net.visionTransformer(width: 768, .torchvision, classes: classes)
    case .deitTiny: try net.visionTransformer(width: 192, .timm, classes: classes)
    case .deitSmall: try net.visionTransformer(width: 384, .timm, classes: classes)
    case .deitBase: try net.visionTransformer(width: 768, .timm, classes: classes)
    case .swinTiny: try net.swinTiny(classes: classes)
    }
  }

  /// What weights that others trained for an architecture were trained on; their normalisation is ImageNet's.
  public struct Usual: Sendable {
    /// channels × height × width; the crop of torchvision's weights.
    public var shape: [Int]
    public var classes: Int
  }

  public var usual: Usual {
    switch self {
    case .dec3: Usual(shape: [3, 32, 32], classes: 36)
    case .lenet5: Usual(shape: [1, 28, 28], classes: 10)
    case .resnet20, .resnet32, .resnet44, .resnet56: Usual(shape: [3, 32, 32], classes: 10)
    case .efficientNetB1: Usual(shape: [3, 240, 240], classes: 1000)
    case .efficientNetB2: Usual(shape: [3, 288, 288], classes: 1000)
    case .efficientNetB3: Usual(shape: [3, 300, 300], classes: 1000)
    case .efficientNetV2Small: Usual(shape: [3, 384, 384], classes: 1000)
    default: Usual(shape: [3, 224, 224], classes: 1000)
    }
  }
}
