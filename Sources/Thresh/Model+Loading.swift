import Datasets
import Interchange

extension Model {
  /// A model by its name, ready for a data set.
  ///
  /// What was assumed while reading it is in `notes`.
  ///
  /// - Parameters:
  ///   - name: an architecture such as `resnet20`, a model file, an ONNX file, or the folder of a run.
  ///   - weights: a file of weights for an architecture (safetensors, or PyTorch's `.pth`); without one they are
  ///     random.
  ///   - data: what the model is for. An architecture takes shape and classes from it; a file has to fit it.
  ///   - seed: of random weights.
  ///   - reading: what the file leaves open.
  /// - Throws: `NetworkError`, `ContainerError`.
  public init(
    _ name: String, weights: String? = nil, for data: Dataset? = nil, seed: UInt64 = 0,
    reading: ReadingOptions = ReadingOptions()
  ) throws {
    let source = try ModelSource(name, weights: weights)
    guard case .file = source, let data else {
      self = try source.load(for: data, seed: seed, reading)
      return
    }
    var reading = reading
    reading.usualSize = reading.usualSize ?? data.shape.height
    self = try source.load(reading)
    let prepared = try data.prepared(for: self)
    notes += prepared.notes.dropFirst(data.notes.count)
    adoptDescription(of: data)
  }
}
