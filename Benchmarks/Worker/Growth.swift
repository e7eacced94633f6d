import Compaction
import Foundation
import Interchange
import Networks
import Torch

/// Work whose time is looked at over its size: is any of it worse than the algorithm's own order?
enum Growth {
  /// One proximal step, nuclear norm and group lasso, on a linear layer of `size` units and as many inputs.
  static func proximalStep(_ size: Int) throws -> () throws -> Void {
    var net = NetworkBuilder(input: [size, 1, 1], seed: 0)
    let flat = try net.flatten(net.input)
    let network = try net.finish(net.linear(flat, "layer", units: size))
    let regularization = try Regularization(Regularizer(nuclear: 0.1, group: 0.1, skip: []), on: network)
    return { _ = try ProximalStep(regularization, on: network.parameters, t: 1) }
  }

  /// A plan to half of the parameters of a chain of `count` convolutions, weak units and ranks.
  static func plan(_ count: Int, _ allocation: Allocator) throws -> () throws -> Void {
    let network = try chain(of: count, units: 16)
    let compressor = Compressor(PlanSettings(target: .parameters(0.5), units: .weakest, allocator: allocation))
    return { _ = try compressor.compact(network) }
  }

  /// A model file of about `mebibytes` is read, its tensors too.
  static func load(_ mebibytes: Int) throws -> () throws -> Void {
    let units = Int((Double(mebibytes) * 1_048_576 / 4 / 8).squareRoot())
    var net = NetworkBuilder(input: [3, 1, 1], seed: 0)
    var x = try net.linear(net.flatten(net.input), "layer0", units: units, bias: false)
    for index in 1...8 { x = try net.linear(x, "layer\(index)", units: units, bias: false) }
    let network = try net.finish(x)
    let model = Model(
      network: network,
      preprocessing: Preprocessing(
        channelOrder: .rgb, height: 1, width: 1, mean: Array(repeating: 0, count: 3), std: Array(repeating: 1, count: 3)
      ),
      classNames: (0..<units).map { "class \($0)" })
    let file = FileManager.default.temporaryDirectory.appending(path: "thresh-growth-\(UUID().uuidString).safetensors")
    try model.write(to: file)
    let kept = TemporaryFile(file)
    return { _ = try Model(contentsOf: kept.file).network.parameters.values.map(\.norm) }
  }

  private static func chain(of count: Int, units: Int) throws -> Network {
    var net = NetworkBuilder(input: [3, 8, 8], seed: 0)
    var x = net.input
    for index in 0..<count {
      x = try net.convolution(x, "conv\(index)", units: units, kernel: [3, 3], padding: [1, 1])
      x = try net.relu(net.batchNorm(x, "bn\(index)"))
    }
    return try net.finish(net.linear(net.flatten(net.globalAveragePool(x)), "linear", units: 10))
  }
}

/// A file that goes when nobody needs it any more.
private final class TemporaryFile: Sendable {
  let file: URL
  init(_ file: URL) { self.file = file }
  deinit { try? FileManager.default.removeItem(at: file) }
}
