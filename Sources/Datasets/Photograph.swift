extension ImageFolder {
  /// One photograph as a network sees it in evaluation: height × width × channels, normalised.
  ///
  /// - Throws: `DatasetError` when the file is no image or cannot be read.
  public static func photograph(
    at path: String, options: Options, normalization: Normalization
  ) throws(DatasetError) -> [Float] {
    try options.check()
    let image = try DecodedImage(RawPath(path), channels: options.channels)
    var random = RandomStream(seed: 0)
    let window = PhotographCrop(
      .center, height: image.height, width: image.width, options: options, random: &random)
    var bytes = [UInt8](repeating: 0, count: options.size * options.size * options.channels)
    bytes.withUnsafeMutableBufferPointer { buffer in
      if let base = buffer.baseAddress { window.write(image, to: base) }
    }
    return bytes.enumerated().map { position, byte in
      let channel = position % options.channels
      return (Float(byte) / 255 - normalization.mean[channel]) / normalization.std[channel]
    }
  }
}
