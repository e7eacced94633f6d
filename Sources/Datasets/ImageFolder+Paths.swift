extension ImageFolder {
  func path(of index: Int) -> String { files[index].description }

  /// Photographs by their paths, in that order: files, and folders with all images in them and below. Their labels are
  /// all 0.
  ///
  /// Images in folders are told by their first bytes; what is no image is left out with a note. A file that is named
  /// itself has to be one.
  /// - Parameter reading: what happens to broken images, and who is told how far the look at them has come.
  /// - Returns: the images, and a sentence for everything that was left out.
  /// - Throws: `DatasetError` when a path leads nowhere, a folder holds no image, or an image is broken.
  public static func photographs(
    at paths: [String], options: Options, reading: Reading = Reading()
  ) throws(DatasetError) -> (images: ImageFolder, notes: [String]) {
    try options.check()
    var (found, isNamed, folders): ([RawPath], [Bool], [(path: RawPath, files: Range<Int>)]) = ([], [], [])
    for path in paths.map(RawPath.init) {
      let inside = FolderEntry(path).isFolder ? try Datasets.files(below: path) : nil
      if let inside { folders.append((path, found.count..<found.count + inside.count)) }
      found += inside ?? [path]
      isNamed += Array(repeating: inside == nil, count: inside?.count ?? 1)
    }
    let check = ImageCheck(decodesAll: reading.broken == .leftOut)
    let verdicts = zip(check.verdicts(on: found, progress: reading.progress), zip(found, isNamed)).map {
      verdict, file in
      if case .other = verdict, file.1 { check.decoded(file.0) } else { verdict }
    }
    let (kept, notes) = try sorted(verdicts, of: found, reading)
    for (path, range) in folders where !range.contains(where: { verdicts[$0] == .image }) {
      throw .malformed(path: path.description, problem: "has no image in it or below; name another folder")
    }
    let images = ImageFolder(
      files: kept.map { found[$0] }, labels: Array(repeating: 0, count: kept.count), options: options)
    return (images, notes)
  }

  /// The positions of the images that are used, and what is said of the others.
  private static func sorted(
    _ verdicts: [ImageVerdict], of files: [RawPath], _ reading: Reading
  ) throws(DatasetError) -> (kept: [Int], notes: [String]) {
    var (kept, others): ([Int], Int) = ([], 0)
    var broken: [(name: String, error: DatasetError)] = []
    for (index, verdict) in verdicts.enumerated() {
      switch verdict {
      case .image: kept.append(index)
      case .broken(let error): broken.append(("\(files[index]) (\(error.reason))", error))
      case .other: others += 1
      }
    }
    let first = broken.prefix(3).map(\.name)
    if reading.broken == .refused, let only = broken.first {
      guard broken.count > 1 else { throw only.error }
      throw .brokenImages(first: first, count: broken.count, total: kept.count + broken.count)
    }
    var notes: [String] = []
    if others > 0 {
      notes.append(
        "\(grouped(others)) \(others == 1 ? "file is no image and was" : "files are no images and were") left out")
    }
    if !broken.isEmpty {
      let more = broken.count > 3 ? " and \(grouped(broken.count - 3)) more" : ""
      let images = broken.count == 1 ? "1 broken image was" : "\(grouped(broken.count)) broken images were"
      notes.append("\(images) left out: " + first.joined(separator: ", ") + more)
    }
    return (kept, notes)
  }
}
