import Architectures

extension Catalogue {
  /// The smallest architecture of each family, for what computes.
  static let families: [Catalogue] = [
    .dec3, .dec8, .lenet5, .resnet20, .resnet18, .resnet50Decomposed, .resNeXt50, .vgg11, .vgg16BatchNorm, .mobileNetV2,
    .mobileNetV3Small, .mnasNet, .squeezeNet, .shuffleNetV2, .efficientNetB0, .efficientNetV2Small, .regNetY400MF,
    .denseNet121, .convNeXtTiny, .deitTiny, .swinTiny,
  ]
}
