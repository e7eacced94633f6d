/// Which part of a photograph is resized to what, and which square of that is kept, as torchvision chooses them.
struct PhotographCrop: Equatable {
  /// The part of the photograph that is used.
  var top = 0
  var left = 0
  var height: Int
  var width: Int
  /// What that part is resized to.
  var resizedHeight: Int
  var resizedWidth: Int
  /// Where the square of `size` begins in the resized part.
  var squareTop = 0
  var squareLeft = 0
  let size: Int

  init(_ crop: Crop, height: Int, width: Int, options: ImageFolder.Options, random: inout RandomStream) {
    self.size = options.size
    (self.height, self.width) = (height, width)
    (resizedHeight, resizedWidth) = (size, size)
    if case .resized(let area, let aspect) = crop {
      let part = RandomPart(ofHeight: height, width: width, area: area, aspect: aspect, random: &random)
      (top, left, self.height, self.width) = (part.top, part.left, part.height, part.width)
      return
    }
    // transforms.Resize(resize): the longer side is truncated, not rounded.
    let short = min(height, width)
    resizedHeight = height == short ? options.resize : Int(Double(options.resize * height) / Double(short))
    resizedWidth = width == short ? options.resize : Int(Double(options.resize * width) / Double(short))
    if crop == .random {
      squareTop = random.below(resizedHeight - size + 1)
      squareLeft = random.below(resizedWidth - size + 1)
    } else {
      // transforms.CenterCrop rounds halves to even.
      squareTop = Int((Double(resizedHeight - size) / 2).rounded(.toNearestOrEven))
      squareLeft = Int((Double(resizedWidth - size) / 2).rounded(.toNearestOrEven))
    }
  }

  /// Writes the square, size × size × channels.
  func write(_ image: DecodedImage, to output: UnsafeMutablePointer<UInt8>) {
    let channels = image.channels
    let stride = image.width * channels
    let resize = Resampling(
      from: (height, width), to: (resizedHeight, resizedWidth), rows: squareTop..<squareTop + size,
      columns: squareLeft..<squareLeft + size)
    withExtendedLifetime(image) {
      resize(image.pixels + top * stride + left * channels, stride: stride, channels: channels, to: output)
    }
  }
}
