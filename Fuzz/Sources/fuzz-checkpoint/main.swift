import Architectures
import FuzzDriver
import Interchange
import Networks

// Any bytes are read as a checkpoint of PyTorch, or refused, and asked for the weights of a small network; then all
// tensors of moderate size are read.
let network = try Network.lenet5(input: [1, 28, 28], classes: 10, seed: 0)
fuzz { data in
  guard let file = try? PyTorchCheckpoint.open(data, name: "x.pth") else { return }
  let selection = WeightSelection(file, for: network)
  _ = (selection.note, selection.misfit, try? network.loading(selection))
  for tensor in file.tensors.prefix(100)
  where (tensor.shape ?? []).allSatisfy({ $0 < 1 << 6 }) && (tensor.shape ?? []).count < 4 {
    _ = try? tensor.read()
  }
}
