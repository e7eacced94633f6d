/// What other programs say of a classifier in the metadata of its ONNX file.
struct ForeignDescription {
  let metadata: [String: String]

  /// White and black of the images as numbers, where they are told.
  ///
  /// Sources: `Image.NominalPixelRange` of ONNX (https://github.com/onnx/onnx/blob/main/docs/MetadataProps.md);
  /// Ultralytics' classifiers, whose transforms end with pixels of 0…1.
  var range: (black: Float, white: Float)? {
    switch metadata["Image.NominalPixelRange"] {
    case "NominalRange_0_255": return (0, 255)
    case "Normalized_0_1": return (0, 1)
    case "Normalized_1_1": return (-1, 1)
    default: return isUltralytics ? (0, 1) : nil
    }
  }

  /// Whether blue is the first channel.
  var isBlueFirst: Bool { metadata["Image.BitmapPixelFormat"]?.hasPrefix("Bgr") ?? false }

  private var isUltralytics: Bool {
    metadata["task"] == "classify" && metadata["author"]?.contains("Ultralytics") ?? false
  }

  /// Ultralytics' names of classes: a dictionary of Python, {0: 'cat', 1: "dog's"}; nil where there are none.
  var classNames: [String]? {
    guard isUltralytics, let text = metadata["names"] else { return nil }
    var names: [String] = []
    var rest = Substring(text)
    while let start = rest.firstIndex(where: { $0 == "'" || $0 == "\"" }) {
      let key = rest[..<start].filter(\.isNumber)
      guard Int(key) == names.count else { return nil }
      let quote = rest[start]
      rest = rest[rest.index(after: start)...]
      var name = ""
      while let character = rest.popFirst(), character != quote {
        name.append(character == "\\" ? rest.popFirst() ?? character : character)
      }
      names.append(name)
    }
    return names
  }
}
