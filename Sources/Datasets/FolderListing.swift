import Foundation

/// An entry of a folder.
struct FolderEntry {
  let path: RawPath
  /// Whether it is a folder, or a link that leads to one.
  let isFolder: Bool
  /// What tells a folder from another, however one came to it.
  let identity: Identity

  struct Identity: Hashable {
    let device: UInt64
    let number: UInt64
  }

  init(_ path: RawPath) {
    self.path = path
    var status = stat()
    guard path.withCString({ stat($0, &status) }) == 0 else {
      (isFolder, identity) = (false, Identity(device: 0, number: 0))
      return
    }
    isFolder = status.st_mode & S_IFMT == S_IFDIR
    identity = Identity(device: UInt64(truncatingIfNeeded: status.st_dev), number: UInt64(status.st_ino))
  }
}

/// What is in a folder, sorted by the names' bytes as Python sorts them, without hidden entries and those that systems
/// put beside images.
func entries(ofFolder path: RawPath) throws(DatasetError) -> [FolderEntry] {
  guard let folder = path.withCString({ opendir($0) }) else {
    let reason: String
    switch errno {
    case ENOENT: reason = "there is no such folder"
    case ENOTDIR: reason = "it is a file, not a folder"
    default: reason = "check that you may list this folder"
    }
    throw .unreadable(path: path.description, reason: reason)
  }
  defer { closedir(folder) }
  var names: [[UInt8]] = []
  while let entry = readdir(folder) {
    // The entry may be shorter than its type says; only the bytes of the name are there.
    let start = UnsafeRawPointer(entry) + (MemoryLayout<dirent>.offset(of: \.d_name) ?? 0)
    let name = Array(UnsafeRawBufferPointer(start: start, count: strlen(start.assumingMemoryBound(to: CChar.self))))
    if name.first != UInt8(ascii: "."), !isOfTheSystem(name) { names.append(name) }
  }
  return names.sorted { $0.lexicographicallyPrecedes($1) }.map { FolderEntry(path.appending($0)) }
}

private func isOfTheSystem(_ name: [UInt8]) -> Bool {
  ["__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir"].contains { $0.utf8.elementsEqual(name) }
}

/// Every file in a folder and in those below it, folder by folder, as torchvision's `ImageFolder` orders them.
///
/// A folder that is reached twice, as through a link that leads back, is read once.
/// - Parameter parents: folders that no link may lead back to.
func files(below folder: RawPath, parents: [RawPath] = []) throws(DatasetError) -> [RawPath] {
  var seen = Set(parents.map { FolderEntry($0).identity })
  var waiting = [FolderEntry(folder)]
  var found: [(folder: RawPath, files: [RawPath])] = []
  while let next = waiting.popLast() {
    guard seen.insert(next.identity).inserted else { continue }
    let content = try entries(ofFolder: next.path)
    found.append((next.path, content.filter { !$0.isFolder }.map(\.path)))
    // The first is taken next: of two ways to a folder the one that sorts first counts.
    waiting += content.filter(\.isFolder).reversed()
  }
  return found.sorted { $0.folder.bytes.lexicographicallyPrecedes($1.folder.bytes) }.flatMap(\.files)
}
