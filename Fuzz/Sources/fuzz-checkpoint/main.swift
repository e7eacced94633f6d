import FuzzDriver
import Interchange

// Any bytes are read as a checkpoint of PyTorch, or refused.
fuzz { data in
  _ = try? PyTorchCheckpoint.weights(of: data, name: "x.pth")
}
