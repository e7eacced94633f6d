import Containers
import Foundation
import Testing

@Suite struct AtomicFileTests {
  @Test func `chunks are written one after the other`() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "model")
      let (first, second): ([UInt8], [UInt8]) = ([1, 2, 3], [4, 5])
      try first.withUnsafeBytes { a in
        try second.withUnsafeBytes { b in try AtomicFile.write([a, b], to: file) }
      }
      #expect(try Data(contentsOf: file) == Data([1, 2, 3, 4, 5]))
    }
  }

  @Test func `a file that was there is replaced and keeps its permissions`() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "model")
      try AtomicFile.write("old and longer", to: file)
      chmod(file.path, 0o640)
      try AtomicFile.write("new", to: file)
      #expect(try String(contentsOf: file, encoding: .utf8) == "new")
      let permissions = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
      #expect(permissions == 0o640)
    }
  }

  @Test func `a link stays a link and the file behind it is replaced`() throws {
    try withTemporaryFolder { folder in
      let (file, link) = (folder.appending(path: "model"), folder.appending(path: "link"))
      try AtomicFile.write("old", to: file)
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: file)
      try AtomicFile.write("new", to: link)
      #expect(try String(contentsOf: file, encoding: .utf8) == "new")
    }
  }

  @Test func `a closure that throws leaves the old file and no other`() throws {
    struct Stop: Error {}
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "model")
      try AtomicFile.write("old", to: file)
      #expect(throws: Stop.self) {
        try AtomicFile.write(to: file) { sink in
          try sink.write(Data("half of it".utf8))
          throw Stop()
        }
      }
      #expect(try String(contentsOf: file, encoding: .utf8) == "old")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["model"])
    }
  }

  @Test func `a missing folder is named`() throws {
    let file = URL(filePath: "/nowhere/at/all/model")
    #expect(
      throws: ContainerError(
        "/nowhere/at/all/model could not be written: the folder /nowhere/at/all/ does not exist; create it first",
        .writing)
    ) { try AtomicFile.write("x", to: file) }
  }

  @Test func `a folder is not replaced by a file`() throws {
    try withTemporaryFolder { folder in
      let error = #expect(throws: ContainerError.self) { try AtomicFile.write("x", to: folder) }
      #expect(error?.description.hasSuffix("could not be written: it is a folder; give the name of a file") == true)
    }
  }

  @Test func `a device is not replaced by a file`() throws {
    let error = #expect(throws: ContainerError.self) { try AtomicFile.write("x", to: URL(filePath: "/dev/full")) }
    #expect(error?.description.contains("it is not a plain file") == true)
  }

  @Test func `a full disk is told in a sentence`() throws {
    let descriptor = open("/dev/full", O_WRONLY)
    defer { close(descriptor) }
    #expect(
      throws: ContainerError(
        "/runs/model could not be written: the disk is full; free some space and try again", .writing)
    ) {
      try ByteSink(descriptor: descriptor, file: URL(filePath: "/runs/model")).write(Data([1]))
    }
  }

  @Test func `a disk that takes only a part leaves the old file and no other`() async {
    // In a process of its own, since the limit holds for all of a process.
    await #expect(processExitsWith: .success) {
      try withTemporaryFolder { folder in
        let file = folder.appending(path: "model")
        try AtomicFile.write("old", to: file)
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit(rlim_cur: 4096, rlim_max: 4096)
        #if canImport(Darwin)
          setrlimit(RLIMIT_FSIZE, &limit)
        #else
          setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        #endif
        let error = #expect(throws: ContainerError.self) { try AtomicFile.write(Data(count: 10_000), to: file) }
        #expect(error?.description.contains("larger than a file may be here") == true)
        #expect(try String(contentsOf: file, encoding: .utf8) == "old")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["model"])
      }
    }
  }

  @Test func `a folder without permission is named`() async {
    // In a process of its own, which stops being root where it is.
    await #expect(processExitsWith: .success) {
      try withTemporaryFolder { folder in
        chmod(folder.path, 0o555)
        if geteuid() == 0 { seteuid(65534) }
        let error = #expect(throws: ContainerError.self) {
          try AtomicFile.write("x", to: folder.appending(path: "model"))
        }
        #expect(error?.description.contains("no permission to write in \(folder.path)") == true)
        if getuid() == 0 { seteuid(0) }
        chmod(folder.path, 0o755)
      }
    }
  }
}
