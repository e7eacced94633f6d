import Compaction
import Foundation
import Networks
import Testing
import Torch

@testable import Interchange

/// Graphs of a few operators, of old opsets too, against PyTorch: Tests/Interop/operators.py.
@Suite struct ONNXOperatorTests {
  private func network(_ name: String) throws -> Network { try OperatorGraphs.written.get().model(name).network }

  @Test func `operators of every opset compute what PyTorch computes`() throws {
    let written = try OperatorGraphs.written.get()
    #expect(written.cases.read.count > 80)
    for given in written.cases.read {
      do {
        let (model, images) = (try written.model(given.name), try written.images(given.name))
        let (network, wanted) = (model.network, try written.wanted(given))
        let all = [
          try network(images), try Program(network, .inference(batch: 2))(images),
          try network.to(.float64)(images.to(.float64)),
        ]
        for logits in all {
          #expect(try relativeDifference(model.givenOutputs(logits), wanted) < 1e-5, "\(given.name)")
        }
      } catch {
        Issue.record("\(given.name): \(error)")
      }
    }
  }

  @Test func `operators that mean something else than they seem to are refused with what it is`() throws {
    let written = try OperatorGraphs.written.get()
    #expect(written.cases.refused.count > 10)
    for given in written.cases.refused {
      let sentence = message { _ = try written.model(given.name) }
      #expect(sentence.contains(given.words), "\(given.name): \(sentence)")
    }
  }

  @Test func `what was read computes the same in onnxruntime and as a module of PyTorch`() throws {
    let written = try OperatorGraphs.written.get()
    let folder = try TemporaryFolder()
    for given in written.cases.read {
      let model = try written.model(given.name)
      let base = folder.url.appending(path: "n_" + given.name)
      try ONNXFile.data(of: model, foldingBatchNorm: false).write(to: base.appendingPathExtension("onnx"))
      let module = try PyTorchModule(model.network, weights: "n_\(given.name).safetensors", model.interface)
      try plainModel(module.network).write(to: base.appendingPathExtension("safetensors"))
      try module.source.write(to: base.appendingPathExtension("py"), atomically: true, encoding: .utf8)
      try Exchange.write(written.images(given.name), to: base.appendingPathExtension("2.in"))
      try Exchange.write(written.images(given.name), to: base.appendingPathExtension("in"))
    }
    try Exchange.python("run", folder.url)
    try Exchange.python("modules", folder.url)
    for given in written.cases.read {
      let wanted = try written.wanted(given)
      for suffix in ["2.out", "out"] {
        let file = folder.url.appending(path: "n_\(given.name).\(suffix)")
        #expect(
          try relativeDifference(Exchange.tensor(file, shape: wanted.shape), wanted) < 1e-5, "\(given.name).\(suffix)")
      }
    }
  }

  /// The first graphs that have every operation, and every kind of those that have several: what is written of the
  /// others differs in numbers.
  private func graphsOfEveryKind(_ written: OperatorGraphs) throws -> [OperatorGraphs.Cases.Read] {
    var seen = Set<String>()
    return try written.cases.read.filter { given in
      let kinds = try written.model(given.name).network.nodes.map { node in
        type(of: node.operation).kind + "\(node.operation)".prefix { $0.isLetter } + "\(node.parameters.count)"
      }
      let isNew = !seen.isSuperset(of: kinds)
      seen.formUnion(kinds)
      return isNew
    }
  }

  @Test(arguments: [13, 14, 16, 18, 19, 21])
  func `in every opset the same comes out of onnxruntime`(opset: Int) throws {
    let written = try OperatorGraphs.written.get()
    let folder = try TemporaryFolder()
    let graphs = try graphsOfEveryKind(written)
    #expect(graphs.count > 30)
    for given in graphs {
      let model = try plainModel(written.model(given.name).network)
      try ONNXFile.data(of: model, foldingBatchNorm: false, opset: opset)
        .write(to: folder.url.appending(path: "\(given.name).onnx"))
      try Exchange.write(written.images(given.name), to: folder.url.appending(path: "\(given.name).2.in"))
    }
    try Exchange.python("run", folder.url)
    for given in graphs {
      let found = try Exchange.tensor(
        folder.url.appending(path: "\(given.name).2.out"), shape: [2, given.outputs])
      let own = try written.model(given.name).network(written.images(given.name))
      #expect(try relativeDifference(found, own) < 1e-5, "\(given.name)")
    }
  }

  @Test func `every kind of operation is written, and compared with PyTorch and onnxruntime`() throws {
    let written = try OperatorGraphs.written.get()
    let compared = Set(
      try written.cases.read.flatMap { try written.model($0.name).network.nodes.map { type(of: $0.operation).kind } })
    for kind in OperationRegistry.operations {
      #expect(kind is any ONNXExportable.Type, "\(kind.kind): add \(kind)+ONNX.swift to Interchange/Operations")
      #expect(kind is any PyTorchExportable.Type, "\(kind.kind): add \(kind)+PyTorch.swift to Interchange/Operations")
      // In use dropout is nothing, so it is not read as a node.
      guard kind.kind != Dropout.kind else { continue }
      #expect(compared.contains(kind.kind), "\(kind.kind): add a graph with it to Tests/Interop/operators.py")
    }
  }

  @Test func `slopes for channels are parameters of one operation, those for pixels are multiplied with`() throws {
    for name in ["prelu_one", "prelu_channels", "prelu_channels_in_full", "prelu_list", "prelu_of_vector"] {
      let network = try network(name)
      #expect(network.nodes.filter { $0.operation is PReLU }.count == 1, "\(name)")
      #expect(try network.cost().parameters == (name == "prelu_one" ? 1 : 3), "\(name)")
    }
    for name in ["prelu_width", "prelu_pixels"] {
      #expect(try !network(name).nodes.contains { $0.operation is PReLU }, "\(name)")
    }
  }

  @Test func `equal slopes that a file keeps once are parameters of each operation`() throws {
    let network = try network("prelu_twice")
    let names = network.nodes.compactMap { $0.operation is PReLU ? $0.parameters[.weight] : nil }
    #expect(names.count == 2 && Set(names).count == 2 && names.contains("act.weight"), "\(names)")
  }

  @Test func `a bound that no float32 exceeds is none`() throws {
    #expect(try network("clip_below").nodes.contains { $0.operation as? Activation == .relu })
  }
}
