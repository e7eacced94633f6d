import Foundation
import FuzzDriver
import Interchange

// Any bytes are read as a model file, or refused; the reader maps files, so they go through one.
let file = FileManager.default.temporaryDirectory.appending(path: "fuzz-\(UUID().uuidString).safetensors")
fuzz { data in
  FileManager.default.createFile(atPath: file.path, contents: data)
  _ = try? Model(contentsOf: file)
}
