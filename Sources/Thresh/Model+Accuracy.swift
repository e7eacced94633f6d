import Datasets
import Interchange
import Networks
import Training

extension Model {
  /// Top-1 accuracy and loss on labelled images, normalised as the model wants them.
  ///
  /// - Parameter images: of the model's input shape, with labels in the order of its classes.
  /// - Throws: `NetworkError`, `DatasetError` when an image cannot be read.
  public func accuracy(on images: any ImageSource) throws -> Accuracy {
    let normalization = Normalization(mean: preprocessing.mean, std: preprocessing.std)
    let data = Dataset(
      name: "images", classNames: classNames, normalization: normalization, augmentation: .none, train: images,
      test: images)
    return try network.accuracy(on: images, of: data)
  }

  /// The same on the test images of a data set, its classes matched by name.
  public func accuracy(on data: Dataset) throws -> Accuracy {
    try accuracy(on: data.prepared(for: self, allowsSubset: true).test)
  }
}
