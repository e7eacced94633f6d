/// Per-channel mean and standard deviation, for pixel values of 0 to 1.
public struct Normalization: Sendable, Hashable, Codable {
  public var mean: [Float]
  public var std: [Float]

  public init(mean: [Float], std: [Float]) {
    precondition(mean.count == std.count && std.allSatisfy { $0 > 0 }, "one mean and one positive std per channel")
    self.mean = mean
    self.std = std
  }

  /// ImageNet's, which torchvision's weights expect.
  public static let imageNet = Normalization(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
  /// ImageNet's for grey images.
  public static let imageNetGrey = Normalization(mean: [0.449], std: [0.226])
  public static let cifar10 = Normalization(mean: [0.4914, 0.4822, 0.4465], std: [0.2470, 0.2435, 0.2616])
  /// Of the training images, to four digits.
  public static let cifar100 = Normalization(mean: [0.5071, 0.4865, 0.4409], std: [0.2673, 0.2564, 0.2762])
  public static let mnist = Normalization(mean: [0.1307], std: [0.3081])
  public static let fashionMNIST = Normalization(mean: [0.2860], std: [0.3530])

  /// Measured over all pixels of some images; sums of integers, so the same on every machine.
  public init(of images: InMemoryImages) {
    let channels = images.shape.channels
    var sums = [UInt64](repeating: 0, count: channels)
    var squares = [UInt64](repeating: 0, count: channels)
    images.pixels.withUnsafeBufferPointer { pixels in
      for channel in 0..<channels {
        var (sum, square): (UInt64, UInt64) = (0, 0)
        for index in stride(from: channel, to: pixels.count, by: channels) {
          let value = UInt64(pixels[index])
          sum &+= value
          square &+= value &* value
        }
        (sums[channel], squares[channel]) = (sum, square)
      }
    }
    let count = Double(max(1, images.pixels.count / channels))
    let means = sums.map { Double($0) / count }
    let variances = zip(squares, means).map { max(0, Double($0) / count - $1 * $1) }
    mean = means.map { Float($0 / 255) }
    std = variances.map { max(Float($0.squareRoot() / 255), 1e-3) }
  }

  /// The normalised value of every byte, 256 for each channel in turn: (v / 255 − mean) / std, as torchvision rounds
  /// it.
  var table: [Float] {
    zip(mean, std).flatMap { mean, std in (0..<256).map { (Float($0) / 255 - mean) / std } }
  }
}
