import Containers
import Foundation
import Networks

/// Models that other programs wrote: what their files leave open is told, else assumed and noted.
extension Model {
  /// - Parameter description: the file's metadata; Thresh's own say all of this.
  /// - Throws: `ContainerError` when the metadata contradict the network, `NetworkError` when it is not valid.
  init(_ read: ONNXReading, description: [String: String], name: String, _ options: ReadingOptions) throws {
    let outputs = read.givesClasses ? try read.network.validate()[read.network.output]?.first ?? 0 : 0
    guard outputs <= 1 << 20 else {
      throw ContainerError("\(name) has \(outputs) classes, expected at most 1048576")
    }
    // Keys of other programs may have the names of ours.
    let own = description[MetadataKey.version] == "1" ? description : [:]
    func decoded<Value: Decodable>(_ key: String, as type: Value.Type) -> Value? {
      own[key].flatMap { try? JSONDecoder().decode(type, from: Data($0.utf8)) }
    }
    let foreign = ForeignDescription(metadata: description)
    let names = decoded(MetadataKey.classNames, as: [String].self)
    let told = foreign.classNames.flatMap { $0.count == outputs ? $0 : nil }
    let shape = read.network.inputShape
    let usual = Preprocessing(
      channelOrder: shape[0] == 1 ? .grey : .rgb, height: shape[1], width: shape[2], mean: [], std: [])
    let stated = decoded(MetadataKey.preprocessing, as: Preprocessing.self)
    self.init(
      network: read.network.separatingParameters(), preprocessing: stated ?? usual,
      classNames: names ?? told ?? (0..<outputs).map { "class \($0)" }, recipe: own[MetadataKey.recipe],
      plan: own[MetadataKey.plan], figures: decoded(MetadataKey.figures, as: [String: Double].self) ?? [:])
    (interface, notes, tail) = (read.interface, read.notes, read.tail)
    if own.isEmpty { noteInterface(name) }
    let begins = InputAffine(of: network)
    keepsConstant(begins)
    if stated == nil, foreign.isBlueFirst || begins.isBlueFirst, let tail, tail.reads(interface.inputName ?? "") {
      throw ContainerError(
        """
        \(name) reads blue, green, red, and its end (\(tail.words)) reads the images too, while written files read red \
        first; export it so
        """)
    }
    let isTold = stated != nil || findsNormalization(foreign, begins, name, options)
    try check(name)
    try adopt(options, name, tellsNormalization: isTold)
  }

  private mutating func noteInterface(_ name: String) {
    if interface.outputActivation == .sigmoid {
      notes.append(
        """
        \(name) ends in Sigmoid: each class has its own probability, the loss is the cross-entropy of the sigmoid's \
        inputs
        """)
    }
    if interface.weightType == .float16 {
      notes.append("\(name) holds float16; Thresh computes in float32 and writes float16 again")
    }
  }

  /// Takes the normalisation from what the file says, from how its network begins, or from what is usual; false for the
  /// last.
  private mutating func findsNormalization(
    _ foreign: ForeignDescription, _ begins: InputAffine, _ name: String, _ options: ReadingOptions
  ) -> Bool {
    let channels = network.inputShape[0]
    var range = foreign.range
    var reason = range.map { _ in "says in its metadata what its images are" }
    if range == nil, interface.inputType == .uint8 {
      (range, reason) = ((0, 255), "reads whole numbers")
    } else if range == nil, let white = begins.white {
      let numbers = { (list: [Double]) in list.map { String(format: "%.4g", $0) }.joined(separator: ", ") }
      range = (0, Float(white))
      reason = "normalises its images itself (mean \(numbers(begins.mean)), standard deviation \(numbers(begins.std)))"
    }
    if foreign.isBlueFirst || begins.isBlueFirst, channels == 3 {
      turnChannels()
      notes.append(
        "\(name) reads blue, green, red; a node that reverses the channels is put before it, and is written too"
      )
    }
    let isGiven = options.mean != nil && options.std != nil
    if let range, let reason {
      let scale = range.white - range.black
      preprocessing.mean = Array(repeating: 0 - range.black / scale, count: channels)
      preprocessing.std = Array(repeating: 1 / scale, count: channels)
      guard !isGiven else { return true }
      notes.append(
        "\(name) \(reason): pixels from \(range.black.plain) to \(range.white.plain) are given to it")
      return true
    } else {
      let isGrey = channels == 1
      preprocessing.mean = isGrey ? [0.449] : [0.485, 0.456, 0.406]
      preprocessing.std = isGrey ? [0.226] : [0.229, 0.224, 0.225]
      guard !isGiven else { return false }
      notes.append(
        """
        \(name) does not say how its images are normalised: ImageNet's mean \
        \(preprocessing.mean.map(\.plain).joined(separator: ", ")) and standard deviation \
        \(preprocessing.std.map(\.plain).joined(separator: ", ")) are assumed
        """)
      return false
    }
  }

  /// Numbers of a normalisation that the network has inside are none that training changes.
  private mutating func keepsConstant(_ begins: InputAffine) {
    guard begins.white != nil else { return }
    for index in network.nodes.indices where begins.stored.contains(network.nodes[index].name) {
      guard let parameter = network.nodes[index].parameters[.weight] else { continue }
      network.nodes[index].parameters = [.constant: parameter]
    }
  }

  /// Puts the channels in the opposite order before the network.
  private mutating func turnChannels() {
    var name = "channels_turned"
    while network[name] != nil { name += "_" }
    for index in network.nodes.indices {
      network.nodes[index].inputs = network.nodes[index].inputs.map { $0 == Network.inputName ? name : $0 }
    }
    let turn = Node(name: name, operation: Gather(axis: 0, indices: [2, 1, 0]), inputs: [Network.inputName])
    network.nodes.insert(turn, at: 0)
  }
}

extension Model {
  /// Takes over what a person says of the file called `name`.
  ///
  /// - Parameter tellsNormalization: whether the normalisation that is replaced was the file's own.
  /// - Throws: `ContainerError` when it does not go with the network.
  public mutating func adopt(_ options: ReadingOptions, _ name: String, tellsNormalization: Bool = true) throws {
    if let size = options.imageSize { try resize(toSide: size, name) }
    guard let mean = options.mean, let std = options.std else { return }
    let channels = network.inputShape[0]
    let (newMean, newStd) = (mean.spread(over: channels), std.spread(over: channels))
    guard newMean.count == channels, newStd.count == channels, newStd.allSatisfy({ $0 > 0 }) else {
      throw ContainerError(
        """
        \(name) reads images of \(channels) channels, but the mean has \(mean.count) values and the standard deviation \
        \(std.count); give one for each channel
        """)
    }
    guard preprocessing.mean != newMean || preprocessing.std != newStd else { return }
    if tellsNormalization {
      notes.append(
        """
        the mean and standard deviation given override those of \(name), \
        \(preprocessing.mean.map(\.plain).joined(separator: ", ")) and \
        \(preprocessing.std.map(\.plain).joined(separator: ", "))
        """)
    }
    (preprocessing.mean, preprocessing.std) = (newMean, newStd)
    if interface.inputType == .uint8 {
      interface.inputType = .float32
      notes.append("\(name) reads bytes; with a mean and standard deviation, written files read float32")
    }
  }
}

extension Model {
  /// Makes the model read images of another size, as networks do that pool globally.
  ///
  /// - Throws: `ContainerError` where the network takes only images of its own size.
  public mutating func resize(toSide side: Int, _ name: String) throws {
    let (height, width) = (network.inputShape[1], network.inputShape[2])
    guard [height, width] != [side, side] else { return }
    do {
      network = try network.resized(height: side, width: side)
    } catch {
      throw ContainerError(
        "\(name) reads images of \(height)×\(width) pixels and cannot take \(side)×\(side): \(error); leave the image "
          + "size out")
    }
    preprocessing.resize = preprocessing.resize.map { max(side, $0 * side / height) }
    (preprocessing.height, preprocessing.width) = (side, side)
    notes.append("\(name) was made for images of \(height)×\(width) pixels, and reads \(side)×\(side) now")
  }
}

extension [Float] {
  fileprivate func spread(over count: Int) -> [Float] {
    self.count == 1 ? Array(repeating: self[0], count: count) : self
  }
}

extension Float {
  /// Without a fraction of zero.
  fileprivate var plain: String { self == rounded() && abs(self) < 1e6 ? "\(Int(self))" : "\(self)" }
}
