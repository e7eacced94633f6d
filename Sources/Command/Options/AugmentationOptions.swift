import ArgumentParser
import Thresh

/// How training images are varied.
struct AugmentationOptions: ParsableArguments, Encodable {
  @Option(
    help: ArgumentHelp(
      "Random crop: pixels of padding, or resized for a random part of the image, resized (default: by data set).",
      valueName: "pixels|resized"))
  var crop: RandomCrop?
  @Option(
    help: ArgumentHelp(
      "Least share of an image's area that --crop resized takes (default: 0.08).", valueName: "share"))
  var cropArea: Double?
  @Flag(inversion: .prefixedNo, help: "Mirror half of the images (default: by data set).")
  var flip: Bool?
  @Option(
    help: ArgumentHelp(
      "Change brightness, contrast and saturation by a factor of 1 - x to 1 + x each; 0.4 is usual (default: 0).",
      valueName: "x"))
  var colorJitter: Double?
  @Option(
    help: ArgumentHelp(
      "RandAugment: operations an image goes through and their strength, 0 to 30; 2,9 is usual (default: none).",
      valueName: "n[,m]"))
  var randAugment: RandAugment?
  @Option(
    help: ArgumentHelp(
      "Share of the images out of which a random rectangle is erased; 0.25 is usual (default: 0).",
      valueName: "share"))
  var randomErasing: Double?
  @Option(
    help: ArgumentHelp(
      "Average the images of a batch, and their labels, in pairs: mixup with this alpha; 0.2 is usual (default: 0).",
      valueName: "alpha"))
  var mixup: Double?
  @Option(
    help: ArgumentHelp(
      "Paste a rectangle of another image, and its share of the label: CutMix with this alpha; 1 is usual. With "
        + "--mixup, each takes half of the batches (default: 0).", valueName: "alpha"))
  var cutmix: Double?
}
