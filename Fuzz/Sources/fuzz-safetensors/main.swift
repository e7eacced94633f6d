import Architectures
import Containers
import Foundation
import FuzzDriver
import Interchange
import Networks

// Any bytes are read as a model file and as weights of others, or refused; the reader maps files, so they go through
// one.
let file = FileManager.default.temporaryDirectory.appending(path: "fuzz-\(UUID().uuidString).safetensors")
let network = try Network.lenet5(input: [1, 28, 28], classes: 10, seed: 0)
fuzz { data in
  FileManager.default.createFile(atPath: file.path, contents: data)
  _ = try? Model(contentsOf: file)
  _ = try? FileKind(of: file)
  guard let stored = try? Safetensors(contentsOf: file) else { return }
  let selection = WeightSelection(WeightFile(stored), for: network)
  _ = (selection.note, selection.misfit, try? network.loading(selection))
}
