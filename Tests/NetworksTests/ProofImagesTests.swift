import Architectures
import Networks
import Testing
import Torch

/// Images on which large networks are compared.
@Suite struct ProofImagesTests {
  /// A network of large images: a strided stem, a dilated kernel deep inside, and a mean over all pixels.
  private func network(flattening: Bool = false) throws -> Network {
    var net = NetworkBuilder(input: [3, 224, 192], seed: 0)
    var x = try net.convolution(net.input, "stem", units: 64, kernel: [7, 7], stride: [2, 2], padding: [3, 3])
    x = try net.maxPool(net.relu(x), 2)
    x = try net.convolution(x, "wide", units: 32, kernel: [5, 5], stride: [4, 4], padding: [2, 2])
    x = try net.convolution(x, "deep", units: 64, kernel: [3, 3], padding: [1, 1])
    x = try flattening ? net.flatten(x) : net.flatten(net.globalAveragePool(x))
    return try net.finish(net.linear(x, "fc", units: 3))
  }

  @Test func `where any size will do they are as small as every tap of every kernel allows`() throws {
    let network = try network()
    let images = try ProofImages(for: [network])
    #expect(images.areSmaller)
    // At the widest kernel three pixels are the fewest of which both ends of five taps meet one.
    let resized = images.resized(network)
    let shapes = try resized.validate()
    #expect(shapes["wide"]?.dropFirst().allSatisfy { $0 >= 2 && $0 <= 4 } == true)
    #expect(try images.outputs(of: network).shape == [4, 3])
    #expect(try ProofImages(for: [network], whole: true).batch.shape[1...] == [3, 224, 192])
  }

  @Test func `where the size is fixed, or little is to be computed, it stays`() throws {
    let fixed = try ProofImages(for: [network(flattening: true)])
    #expect(!fixed.areSmaller && fixed.batch.shape == [2, 3, 224, 192])
    let small = try Network.lenet5(input: [1, 28, 28], classes: 10, seed: 0)
    #expect(try ProofImages(for: [small]).batch.shape == [4, 1, 28, 28])
    // Either of two networks can hold it.
    #expect(try !ProofImages(for: [network(), network(flattening: true)]).areSmaller)
  }
}
