import Foundation
import Reports

/// Finds a data set by its name or its folder's path.
public struct DatasetFinder: Sendable {
  /// The folder that was named for data: if there is one, nothing else is searched.
  public var dataDirectory: String?
  /// The folders searched otherwise, in this order.
  public var folders: [String]
  /// Where fetched sets are kept; searched last.
  public var cache: String
  /// Whether a known set that is in none of the folders is fetched.
  public var fetches: Bool
  /// How photographs in image folders become images of one shape.
  public var photographs = ImageFolder.Options()
  /// What is read of an image folder.
  public var reading = ImageFolder.Reading()
  /// How the built-in `glyphs` are drawn.
  public var glyphs = Glyphs()

  /// - Parameters:
  ///   - dataDirectory: the folder in which the set has to be; nil looks in the usual places.
  ///   - environment: where `THRESH_DATA`, `XDG_CACHE_HOME` and `HOME` are looked up.
  public init(dataDirectory: String? = nil, environment: [String: String], fetches: Bool = false) {
    self.dataDirectory = dataDirectory.flatMap { $0.isEmpty ? nil : $0 }
    folders = [environment["THRESH_DATA"]].compactMap { $0 }.filter { !$0.isEmpty }
    let home = environment["HOME"] ?? NSHomeDirectory()
    let caches = environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? home + "/.cache"
    cache = caches + "/thresh"
    self.fetches = fetches
  }

  /// The names that `load` knows; any other is taken for a folder.
  public static let names = KnownDataset.allCases.map(\.rawValue) + [Glyphs.name]

  /// Height and width of the images of a set that is known by name; nil for any other.
  public static func imageSide(of name: String) -> Int? {
    switch KnownDataset(rawValue: name) {
    case .cifar10, .cifar100, .chars36: 32
    case .mnist, .fashionMNIST: 28
    case nil: name == Glyphs.name ? GlyphDrawing.side : nil
    }
  }

  /// The data set of this name, or in the folder of this path, which may be relative to a searched folder.
  ///
  /// - Throws: `DatasetError`, naming the nearest known name, the places searched, or what is wrong with a file.
  public func load(_ name: String) throws(DatasetError) -> Dataset {
    if name == Glyphs.name { return glyphs.dataset() }
    if let known = KnownDataset(rawValue: name) { return try load(known) }
    let places = [name] + folders.map { $0 + "/" + name }
    if let dataDirectory, !name.hasPrefix("/"), !name.isEmpty {
      let place = dataDirectory + "/" + name
      guard !isFolder(place) else { return try read(place) }
      // A word that is no folder's name anywhere is a misspelt set's.
      if places.contains(where: isFolder) { throw notFound(name, in: dataDirectory) }
    }
    for folder in places where !name.isEmpty && isFolder(folder) { return try read(folder) }
    throw .unknownName(name, nearest: Suggestion.nearest(to: name, among: Self.names), known: Self.names)
  }

  private func notFound(_ name: String, in place: String) -> DatasetError {
    let advice = "put its files in a folder \(name) there, or leave the folder for data out to search the usual places"
    return .notFound(name: name, looked: [place], advice: isFolder(place) ? advice : "there is no such folder")
  }

  private func load(_ known: KnownDataset) throws(DatasetError) -> Dataset {
    if let dataDirectory {
      // It may also be the very folder of the files, but not that of another set in the same format.
      let own = known.isNamed(dataDirectory) ? [dataDirectory] : []
      let places = known.folders.map { "\(dataDirectory)/\($0)" } + own
      guard let place = places.first(where: known.isIn) else { throw notFound(known.rawValue, in: dataDirectory) }
      return try known.read(place)
    }
    let searched = folders + [cache]
    let places = searched.flatMap { place in known.folders.map { "\(place)/\($0)" } } + folders.filter(known.isNamed)
    if let place = places.first(where: known.isIn) { return try known.read(place) }
    guard !known.downloads.isEmpty else {
      let advice = "it cannot be fetched; put its files in a folder \(known.rawValue) there"
      throw .notFound(name: known.rawValue, looked: searched, advice: advice)
    }
    let addresses = known.downloads.map(\.address).joined(separator: ", ")
    guard fetches else {
      let advice = "allow fetching, or put \(addresses) in a folder \(known.folders[0]) there"
      throw .notFound(name: known.rawValue, looked: searched, advice: advice)
    }
    let folder = "\(cache)/\(known.rawValue)"
    do {
      try Fetch()(known.downloads, into: folder)
    } catch {
      let reason = "\(error); put \(addresses) in a folder \(known.folders[0]) there yourself"
      throw .notFetched(name: known.rawValue, reason: reason, looked: searched)
    }
    let place = known.folders.map { "\(cache)/\($0)" }.first(where: known.isIn) ?? folder
    return try known.read(place)
  }

  /// The data set in a folder, its format told from its files.
  private func read(_ folder: String) throws(DatasetError) -> Dataset {
    let name = folder.split(separator: "/").last.map(String.init) ?? folder
    if KnownDataset.cifar10.isIn(folder) { return try KnownDataset.cifar10.read(folder) }
    if KnownDataset.cifar100.isIn(folder) { return try KnownDataset.cifar100.read(folder) }
    if KnownDataset.chars36.isIn(folder) { return try PlanarRecords.dataset(name: name, in: folder) }
    if KnownDataset.mnist.isIn(folder) {
      if let known = KnownDataset(rawValue: name), known.isIn(folder) { return try known.read(folder) }
      return try IDX.dataset(
        name: name, in: folder, classNames: nil, normalization: nil, augmentation: Augmentation(crop: .padded(2)))
    }
    let parts = reading.parts == .test ? ["train", "test", "val"] : ["train"]
    guard parts.contains(where: { isFolder("\(folder)/\($0)") }) else {
      _ = try entries(ofFolder: RawPath(folder))
      let expected = "expected train and test with one folder a class, IDX files, data_batch_1.bin, or train.bin"
      throw .malformed(path: folder, problem: "holds no data set that is known: \(expected)")
    }
    return try ImageFolder.dataset(in: folder, options: photographs, reading: reading)
  }
}
