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

  /// How near the model's outputs are to another's, on the test images of a data set; labels are not looked at.
  ///
  /// - Parameters:
  ///   - data: images of the model's input shape.
  ///   - original: a model with the same outputs, as the one that this was made of.
  /// - Throws: `NetworkError` where the outputs are others, `DatasetError` when an image cannot be read.
  public func accuracy(on data: Dataset, like original: Model) throws -> Accuracy {
    var data = data
    data.hasLabels = false
    let prepared = try data.prepared(for: self)
    guard try network.outputs().map(\.shape) == original.network.outputs().map(\.shape) else {
      throw NetworkError("the two models give other outputs, and cannot be compared")
    }
    return try network.accuracy(
      on: prepared.test, of: prepared, like: Original(original, on: prepared, LossRecipe()))
  }

  /// Top-1 accuracy and loss on the test images of a data set, its classes matched by name.
  public func accuracy(on data: Dataset) throws -> Accuracy {
    try accuracy(on: data.prepared(for: self, allowsSubset: true).test)
  }
}
