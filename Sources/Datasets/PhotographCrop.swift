/// Which part of a photograph is resized to what, and which part of that is kept, as torchvision chooses them.
struct PhotographCrop: Equatable {
  /// The part of the photograph that is used.
  var top = 0
  var left = 0
  var height: Int
  var width: Int
  /// What that part is resized to.
  var resizedHeight: Int
  var resizedWidth: Int
  /// Where what is kept begins in the resized part; negative where the resized part begins behind a margin.
  var keptTop = 0
  var keptLeft = 0
  let keptHeight: Int
  let keptWidth: Int

  init(_ crop: Crop, height: Int, width: Int, options: ImageFolder.Options, random: inout RandomStream) {
    (keptHeight, keptWidth) = (options.height, options.width)
    (self.height, self.width) = (height, width)
    (resizedHeight, resizedWidth) = (options.height, options.width)
    if case .resized(let area, let aspect) = crop {
      let part = RandomPart(ofHeight: height, width: width, area: area, aspect: aspect, random: &random)
      (top, left, self.height, self.width) = (part.top, part.left, part.height, part.width)
      return
    }
    (resizedHeight, resizedWidth) = options.resized(height: height, width: width)
    let (spareRows, spareColumns) = (resizedHeight - keptHeight, resizedWidth - keptWidth)
    if crop == .random {
      (keptTop, keptLeft) = (Self.draw(spareRows, &random), Self.draw(spareColumns, &random))
    } else {
      // transforms.CenterCrop rounds halves to even.
      keptTop = Int((Double(spareRows) / 2).rounded(.toNearestOrEven))
      keptLeft = Int((Double(spareColumns) / 2).rounded(.toNearestOrEven))
    }
  }

  /// A place among what is spare, or in a margin where too little is there.
  private static func draw(_ spare: Int, _ random: inout RandomStream) -> Int {
    spare < 0 ? -random.below(1 - spare) : random.below(spare + 1)
  }

  /// Writes what is kept, height × width × channels.
  func write(_ image: DecodedImage, to output: UnsafeMutablePointer<UInt8>) {
    let (rows, columns) = (keptTop..<keptTop + keptHeight, keptLeft..<keptLeft + keptWidth)
    let (filledRows, filledColumns) = (rows.clamped(to: 0..<resizedHeight), columns.clamped(to: 0..<resizedWidth))
    guard filledRows != rows || filledColumns != columns else {
      return resize(image, rows, columns, to: output)
    }
    let channels = image.channels
    output.update(repeating: ImageFolder.Options.padding, count: keptHeight * keptWidth * channels)
    let row = filledColumns.count * channels
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: max(1, filledRows.count * row)) { part in
      guard let part = part.baseAddress else { return }
      resize(image, filledRows, filledColumns, to: part)
      for index in 0..<filledRows.count {
        let place = (filledRows.lowerBound + index - keptTop) * keptWidth + filledColumns.lowerBound - keptLeft
        (output + place * channels).update(from: part + index * row, count: row)
      }
    }
  }

  /// Writes these rows and columns of the resized part, without gaps.
  private func resize(
    _ image: DecodedImage, _ rows: Range<Int>, _ columns: Range<Int>, to output: UnsafeMutablePointer<UInt8>
  ) {
    let channels = image.channels
    let stride = image.width * channels
    let resize = Resampling(
      from: (height, width), to: (resizedHeight, resizedWidth), rows: rows, columns: columns)
    withExtendedLifetime(image) {
      resize(image.pixels + top * stride + left * channels, stride: stride, channels: channels, to: output)
    }
  }
}

extension ImageFolder.Options {
  /// What a photograph is resized to before a part of the network's size is cut out of it, or margins are added.
  fileprivate func resized(height: Int, width: Int) -> (height: Int, width: Int) {
    // Whether it is wider, in proportion, than what the network sees.
    let isWider = width * self.height >= height * self.width
    guard !pads else {
      return isWider
        ? (max(1, Int((Double(self.width * height) / Double(width)).rounded())), self.width)
        : (self.height, max(1, Int((Double(self.height * width) / Double(height)).rounded())))
    }
    let shorter = min(self.height, self.width)
    let (rows, columns) = (self.height * resize / shorter, self.width * resize / shorter)
    // transforms.Resize(resize): the longer side is truncated, not rounded.
    return isWider
      ? (rows, max(columns, Int(Double(rows * width) / Double(height))))
      : (max(rows, Int(Double(columns * height) / Double(width))), columns)
  }
}
