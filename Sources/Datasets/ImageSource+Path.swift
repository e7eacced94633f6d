extension ImageSource {
  /// The file of image `index`; nil where images do not lie in files of their own.
  public func path(at index: Int) -> String? {
    switch self {
    case let folder as ImageFolder: folder.path(of: index)
    case let subset as ImageSubset: subset.whole.path(at: subset.indices[index])
    case let images as RelabelledImages: images.whole.path(at: index)
    default: nil
    }
  }
}
