/// Images with class labels, split into training and test, and how a network should be shown them.
public struct Dataset: Sendable {
  /// The name it is asked for by, such as `cifar10`, or the folder's own name.
  public var name: String
  /// The classes in label order.
  public var classNames: [String]
  /// Whether the files say what the classes are called; where they only count them, names are numbers.
  public var namesClasses = true
  /// Whether the images have labels; without, every label is 0 and there are no classes.
  public var hasLabels = true
  /// The shape of every image as the network sees it.
  public var shape: ImageShape
  /// Per-channel mean and standard deviation, which batches are normalised with.
  public var normalization: Normalization
  /// How training images are varied when nothing else is asked for.
  public var augmentation: Augmentation
  /// The images to learn from.
  public var train: any ImageSource
  /// The images held out of `train`; nil until `holdingOut` is called.
  public var validation: (any ImageSource)?
  /// The images for the final figure.
  public var test: any ImageSource
  /// How many threads prepare batches of these images; the batches do not depend on it.
  public var workers = 1
  /// What a person should know of how the data was read, such as files that were left out: a sentence each.
  public var notes: [String] = []

  public init(
    name: String, classNames: [String], normalization: Normalization, augmentation: Augmentation,
    train: any ImageSource, test: any ImageSource
  ) {
    self.name = name
    self.classNames = classNames
    self.shape = train.shape
    self.normalization = normalization
    self.augmentation = augmentation
    self.train = train
    self.test = test
  }

  /// The same data set with a seeded, class-stratified part of its training images held out for validation.
  ///
  /// - Parameter fraction: between 0 and 1, both excluded, such as 0.1.
  /// - Throws: `DatasetError` when the fraction leaves one of the two parts empty.
  public func holdingOut(_ fraction: Double, seed: UInt64) throws(DatasetError) -> Dataset {
    let parts = try StratifiedSplit(of: train, fraction: fraction, seed: seed)
    var result = self
    result.train = ImageSubset(of: train, indices: parts.kept)
    result.validation = ImageSubset(of: train, indices: parts.held)
    return result
  }
}

extension Dataset {
  /// The same images with other labels: class k becomes class `labels[k]` of `classNames`.
  public func relabelled(_ labels: [Int], classNames: [String]) -> Dataset {
    precondition(labels.count == self.classNames.count, "a label for each of \(self.classNames.count) classes")
    var result = self
    result.classNames = classNames
    result.train = RelabelledImages(of: train, labels: labels)
    result.validation = validation.map { RelabelledImages(of: $0, labels: labels) }
    result.test = RelabelledImages(of: test, labels: labels)
    return result
  }
}

/// Channels, height and width of an image.
public struct ImageShape: Sendable, Hashable, Codable {
  public var channels: Int
  public var height: Int
  public var width: Int

  public init(channels: Int, height: Int, width: Int) {
    self.channels = channels
    self.height = height
    self.width = width
  }

  /// How many values an image has.
  public var count: Int { channels * height * width }
}
