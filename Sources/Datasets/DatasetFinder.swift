import Foundation
import Reports

/// Finds a data set by its name or its folder's path.
public struct DatasetFinder: Sendable {
  /// The folders searched, in this order.
  public var folders: [String]
  /// Where fetched sets are kept; searched last.
  public var cache: String
  /// Whether a known set that is in none of the folders is fetched.
  public var fetches: Bool
  /// How photographs in image folders become images of one shape.
  public var photographs = ImageFolder.Options()
  /// How the built-in `glyphs` are drawn.
  public var glyphs = Glyphs()

  /// - Parameters:
  ///   - dataDirectory: the folder given with `--data-dir`, searched first.
  ///   - environment: where `THRESH_DATA`, `XDG_CACHE_HOME` and `HOME` are looked up.
  public init(dataDirectory: String? = nil, environment: [String: String], fetches: Bool = false) {
    folders = [dataDirectory, environment["THRESH_DATA"]].compactMap { $0 }.filter { !$0.isEmpty }
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
    for folder in [name] + folders.map({ $0 + "/" + name }) where !name.isEmpty && isFolder(folder) {
      return try read(folder)
    }
    throw .unknownName(name, nearest: Suggestion.nearest(to: name, among: Self.names), known: Self.names)
  }

  private func load(_ known: KnownDataset) throws(DatasetError) -> Dataset {
    let searched = folders + [cache]
    // `--data-dir` may also point at the very folder of the files.
    let places = searched.flatMap { place in known.folders.map { "\(place)/\($0)" } } + folders
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
    guard isFolder(folder + "/train") else {
      _ = try entries(ofFolder: folder)
      let expected = "expected train and test with one folder a class, IDX files, data_batch_1.bin, or train.bin"
      throw .malformed(path: folder, problem: "holds no data set that is known: \(expected)")
    }
    return try ImageFolder.dataset(in: folder, options: photographs)
  }
}
