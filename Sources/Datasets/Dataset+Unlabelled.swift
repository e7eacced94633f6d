extension Dataset {
  /// Photographs without labels, by paths of files and folders with all images in them and below.
  ///
  /// A share of them is set apart for testing, the same whatever the order of the files is.
  /// - Parameters:
  ///   - share: the part that is set apart.
  ///   - reading: what happens to broken images, and who is told how far the look at them has come.
  /// - Throws: `DatasetError` when a path leads nowhere, an image is broken, or there are too few.
  public static func unlabelled(
    at paths: [String], share: Double, options: ImageFolder.Options, reading: ImageFolder.Reading = .init()
  ) throws(DatasetError) -> Dataset {
    let (all, notes) = try ImageFolder.photographs(at: paths, options: options, reading: reading)
    guard all.count >= leastUnlabelled else {
      throw .malformed(
        path: paths.joined(separator: ", "),
        problem: "has \(all.count) images, expected \(leastUnlabelled) or more, to learn from and to test on")
    }
    let split = TestSplit(
      of: Array(0..<all.count), share: share, label: { _ in 0 }, name: { Array(all.files[$0].name) })
    func images(_ positions: [Int]) -> ImageFolder {
      ImageFolder(
        files: positions.map { all.files[$0] }, labels: Array(repeating: 0, count: positions.count), options: options)
    }
    var result = Dataset(
      name: paths.joined(separator: ", "), classNames: [], normalization: .imageNet,
      augmentation: Augmentation(crop: .random, flips: true), train: images(split.train), test: images(split.test))
    result.hasLabels = false
    result.notes = notes
    return result
  }

  /// Fewer images say nothing about what was lost.
  private static var leastUnlabelled: Int { 10 }
}
