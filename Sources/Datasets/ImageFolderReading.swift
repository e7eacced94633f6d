extension ImageFolder {
  /// What is read of a folder of photographs, and what happens to broken ones.
  public struct Reading: Sendable {
    /// Which images are wanted; what is not wanted is neither looked at nor missed.
    public var parts = Parts.all
    public var broken = Broken.refused
    /// The share of every class that is set apart for testing where the folder has no test part.
    public var testShare = 0.1
    /// Told of how many files were looked at and of all, from any thread, one call at a time.
    public var progress: @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }

    public init() {}

    public enum Parts: Sendable { case all, test }

    public enum Broken: Sendable {
      /// A broken image is an error that names it.
      case refused
      /// Every image is decoded once, and those that cannot be are left out with a note.
      case leftOut
    }
  }

  /// The data set in a folder with `train` and `test` (or `val`), one folder a class, with images in it and in folders
  /// below it. Without `test` and `val` a share of the training images is the test part, which a note says.
  ///
  /// Images are told by their first bytes. Headers and ends of all files are looked at; what is no image is left out
  /// with a note.
  /// - Throws: `DatasetError` when a folder cannot be listed, a class is empty or has a name that cannot be kept, a
  ///   test class is unknown, or an image is broken.
  public static func dataset(
    in folder: String, options: Options, reading: Reading = Reading()
  ) throws(DatasetError) -> Dataset {
    try options.check()
    guard reading.testShare > 0, reading.testShare < 1 else {
      throw .badOption("a share for testing lies between 0 and 1, found \(reading.testShare); 0.1 is a tenth")
    }
    let reader = ImageFolderReader(folder: RawPath(folder), options: options, reading: reading)
    return try reader.dataset()
  }
}

/// Lists a folder of photographs and sorts out what is in it.
private struct ImageFolderReader {
  let folder: RawPath
  let options: ImageFolder.Options
  let reading: ImageFolder.Reading

  private var name: String { RawPath.text(of: Array(folder.bytes.split(separator: UInt8(ascii: "/")).last ?? [])) }

  func dataset() throws(DatasetError) -> Dataset {
    let train = folder.appending(Array("train".utf8))
    let test = try testFolder(unless: FolderEntry(train).isFolder)
    // Without training images the test's own folders are the classes.
    let namesClasses = reading.parts == .test && !FolderEntry(train).isFolder ? test ?? train : train
    let classes = try classFolders(in: namesClasses).map(\.name)
    guard !classes.isEmpty else {
      throw .malformed(path: namesClasses.description, problem: "has no folders; expected one for each class")
    }
    var listing = Listing()
    if reading.parts == .all || test == nil { try list(train, classes, into: &listing) }
    let split = listing.files.count
    if let test { try list(test, classes, into: &listing) }
    let kept = try sort(&listing)
    let unused = folder.appending(Array("val".utf8))
    if test != nil, unused != test, FolderEntry(unused).isFolder {
      listing.notes.append("the folder val was left out beside test")
    }
    let parts =
      try test == nil
      ? setApart(kept, of: &listing, classes: classes.count)
      : (kept.filter { $0 < split }, kept.filter { $0 >= split })
    func images(_ indices: [Int]) -> ImageFolder {
      ImageFolder(
        files: indices.map { listing.files[$0] }, labels: indices.map { listing.labels[$0] }, options: options)
    }
    var result = Dataset(
      name: name, classNames: classes, normalization: options.channels == 3 ? .imageNet : .imageNetGrey,
      augmentation: Augmentation(crop: .random, flips: true), train: images(parts.0), test: images(parts.1))
    result.notes = listing.notes.map { "\(name): \($0)" }
    return result
  }

  /// The folder of the images for testing; nil where they are taken from those for training.
  private func testFolder(unless hasTrain: Bool) throws(DatasetError) -> RawPath? {
    let places = ["test", "val"].map { folder.appending(Array($0.utf8)) }
    let place = places.first { FolderEntry($0).isFolder }
    guard place != nil || hasTrain else {
      throw .malformed(path: folder.description, problem: "has no folder train, test or val; put the images there")
    }
    return place
  }

  /// Training and test images of a folder that has training images only; notes it.
  private func setApart(
    _ kept: [Int], of listing: inout Listing, classes: Int
  ) throws(DatasetError) -> ([Int], [Int]) {
    let (files, labels, folders) = (listing.files, listing.labels, listing.folders)
    let lengths = folders.map(\.path.bytes.count)
    let split = TestSplit(of: kept, share: reading.testShare, label: { labels[$0] }) { position in
      Array(files[position].bytes.dropFirst(lengths[labels[position]]))
    }
    guard !split.test.isEmpty else {
      throw .malformed(
        path: folder.description,
        problem: "has no folder test or val, and too few images to set some apart; put the images for testing there")
    }
    listing.notes.append(split.note(share: reading.testShare))
    // Commands that only test want no others.
    return (reading.parts == .test ? [] : split.train, split.test)
  }

  /// The folders of classes with their names.
  private func classFolders(in part: RawPath) throws(DatasetError) -> [(name: String, path: RawPath)] {
    var result: [(name: String, path: RawPath)] = []
    for entry in try entries(ofFolder: part) where entry.isFolder {
      guard let name = String(validating: entry.path.name, as: UTF8.self) else {
        throw .malformed(path: entry.path.description, problem: "has a name that is not UTF-8; rename the folder")
      }
      // Swift's strings are equal whichever way an accent is written, and so are the names that a model keeps.
      if let other = result.first(where: { $0.name == name }) {
        throw .malformed(
          path: entry.path.description,
          problem:
            "has the name of another class, \(bytes(of: other.name)) and \(bytes(of: name)) in Unicode; rename one")
      }
      result.append((name, entry.path))
    }
    return result
  }

  /// The code points that tell one way to write a name from another.
  private func bytes(of name: String) -> String {
    name.unicodeScalars.map { $0.isASCII ? String($0) : "U+" + String($0.value, radix: 16, uppercase: true) }
      .joined(separator: " ")
  }

  /// Files that may be images, in the order of the data set.
  private struct Listing {
    var files: [RawPath] = []
    var labels: [Int] = []
    /// The folder of every class, with the range of its files.
    var folders: [(path: RawPath, files: Range<Int>)] = []
    /// How many files lie beside the folders of classes.
    var strays = 0
    var notes: [String] = []
  }

  private func list(_ part: RawPath, _ classes: [String], into listing: inout Listing) throws(DatasetError) {
    let folders = try classFolders(in: part)
    guard !folders.isEmpty else {
      throw .malformed(path: part.description, problem: "has no folders; expected one for each class")
    }
    for (name, path) in folders {
      guard let label = classes.firstIndex(of: name) else {
        throw .malformed(path: path.description, problem: "is a class that train does not have")
      }
      let found = try files(below: path, parents: [folder, part])
      listing.folders.append((path, listing.files.count..<listing.files.count + found.count))
      listing.files += found
      listing.labels += Array(repeating: label, count: found.count)
    }
    listing.strays += try entries(ofFolder: part).filter { !$0.isFolder }.count
  }

  /// The positions of the images that are used; notes what is left out.
  private func sort(_ listing: inout Listing) throws(DatasetError) -> [Int] {
    let check = ImageCheck(decodesAll: reading.broken == .leftOut)
    let verdicts = check.verdicts(on: listing.files, progress: reading.progress)
    var (kept, broken): ([Int], [BrokenImage]) = ([], [])
    var others: [String: Int] = [:]
    for (index, verdict) in verdicts.enumerated() {
      switch verdict {
      case .image: kept.append(index)
      case .broken(let error): broken.append(BrokenImage(file: listing.files[index], error: error))
      case .other(let kind): others[kind, default: 0] += 1
      }
    }
    if reading.broken == .refused, let first = broken.first {
      guard broken.count > 1 else { throw first.error }
      throw .brokenImages(first: named(broken), count: broken.count, total: kept.count + broken.count)
    }
    for (path, range) in listing.folders where !range.contains(where: { verdicts[$0] == .image }) {
      let found = range.isEmpty ? "nothing" : range.count == 1 ? "1 other file" : "\(grouped(range.count)) other files"
      throw .malformed(path: path.description, problem: "has no image, found \(found); add some or remove it")
    }
    listing.notes += notes(others: others, strays: listing.strays, broken: broken)
    return kept
  }

  private struct BrokenImage {
    let file: RawPath
    let error: DatasetError
  }

  private func named(_ broken: [BrokenImage]) -> [String] {
    broken.prefix(3).map { "\($0.file) (\($0.error.reason))" }
  }

  private func notes(others: [String: Int], strays: Int, broken: [BrokenImage]) -> [String] {
    func files(_ count: Int) -> String { count == 1 ? "1 file" : "\(grouped(count)) files" }
    var notes: [String] = []
    if !others.isEmpty {
      // The most frequent first.
      let kinds = others.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      let named = kinds.prefix(6).map { "\(grouped($0.value)) \($0.key)" } + (kinds.count > 6 ? ["others"] : [])
      let count = others.values.reduce(0, +)
      notes.append(
        "\(files(count)) \(count == 1 ? "is no image and was" : "are no images and were") left out: "
          + named.joined(separator: ", "))
    }
    if strays > 0 {
      notes.append("\(files(strays)) beside the folders of classes \(strays == 1 ? "was" : "were") left out")
    }
    if !broken.isEmpty {
      let more = broken.count > 3 ? " and \(grouped(broken.count - 3)) more" : ""
      notes.append(
        "\(broken.count == 1 ? "1 broken image was" : "\(grouped(broken.count)) broken images were") left out: "
          + named(broken).joined(separator: ", ") + more)
    }
    return notes
  }
}
