import Foundation
import FuzzDriver
import Interchange

// Any bytes are read as an ONNX model, or refused.
fuzz { data in
  _ = try? ONNXFile.model(of: data, name: "x.onnx", folder: URL(filePath: "/nonexistent"))
}
