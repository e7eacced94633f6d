import Datasets
import Interchange
import Networks

extension Model {
  /// Replaces the layer that makes the classes by a new one for those of a data set.
  ///
  /// - Returns: a sentence about what was replaced.
  /// - Throws: `NetworkError` where the classes are not made by one layer.
  @discardableResult
  public mutating func replaceHead(for data: Dataset, seed: UInt64) throws -> String {
    try requireClasses()
    let (layer, old) = (try network.classifier(), classNames.count)
    network = try network.replacingClassifier(classes: data.classNames.count, seed: seed)
    // What was measured holds no longer.
    (classNames, figures) = (data.classNames, [:])
    return
      "\(layer.name), the layer of the \(old) classes, is replaced by a new one for the \(data.classNames.count) of "
      + data.name
  }
}
