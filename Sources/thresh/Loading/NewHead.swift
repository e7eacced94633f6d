import ArgumentParser
import Datasets
import Interchange
import Networks

/// Whether a network that was trained for other classes learns those of the data, in `train` and `compress` alike.
struct NewHeadOption: ParsableArguments {
  @Flag(help: "Replace the last layer by a new one for the data's classes, whatever classes the weights are for.")
  var newHead = false
}

extension Model {
  /// Replaces the layer that makes the classes by a new one for those of a data set, and says so.
  ///
  /// - Throws: `NetworkError` where the classes are not made by one layer.
  mutating func replaceHead(for data: Dataset, seed: UInt64) throws {
    let (layer, old) = (try network.classifier(), classNames.count)
    network = try network.replacingClassifier(classes: data.classNames.count, seed: seed)
    // What was measured holds no longer.
    (classNames, figures) = (data.classNames, [:])
    Console.note(
      "note: \(layer.name), the layer of the \(old) classes, is replaced by a new one for the \(data.classNames.count) of "
        + data.name)
  }
}
