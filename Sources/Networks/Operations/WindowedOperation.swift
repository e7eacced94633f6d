/// How an operation walks over an image: numbers of pixels along height and width.
public struct Window: Sendable {
  public var kernel: [Int]
  public var stride: [Int]
  public var padding: [Int]
  public var dilation: [Int]
}

/// An operation that reads an image window by window.
public protocol WindowedOperation: Operation {
  /// - Parameter weight: the shape of the node's weight.
  /// - Returns: nil where the window is the whole image.
  func window(weight: [Int]?) -> Window?
}

extension Convolution: WindowedOperation {
  public func window(weight: [Int]?) -> Window? {
    weight.map {
      Window(
        kernel: Array($0[2...]), stride: geometry.stride, padding: geometry.padding, dilation: geometry.dilation)
    }
  }
}

extension Pooling: WindowedOperation {
  public func window(weight: [Int]?) -> Window? {
    switch self {
    case .max(let geometry), .average(let geometry):
      Window(kernel: geometry.kernel, stride: geometry.stride, padding: geometry.padding, dilation: [1, 1])
    case .globalAverage, .globalMax: nil
    }
  }
}
