import Containers
import Networks
import Torch

/// Which tensors of a file are a network's parameters.
///
/// Training programs wrap state dicts in other dictionaries and put prefixes before the names. Both are found by the
/// names that the network has: the place under which most of them are found in their shapes is where the weights are.
public struct WeightSelection {
  let file: WeightFile
  private let wanted: Set<String>
  private let shapes: [String: [Int]]
  private let place: Place
  /// Other places where everything is found too.
  private let rivals: [Place]
  /// Names that the network has and the file has not.
  private let missing: [String]
  /// Names of tensors in another shape than the network's, or of a type that weights do not have.
  private let misshapen: [String]
  /// Names of layers under the same place that the network does not have.
  private var unexpected: [String] = []
  /// Names under the same place that are no parameters of the network, layers or not.
  private var beside: [String] = []
  /// How many tensors the network does not need, by what holds them.
  private var unused: [(name: String, count: Int)] = []

  /// - Parameter left: parameters that keep what they have, such as those of a new classifier.
  public init(_ file: WeightFile, for network: Network, leavingOut left: Set<String> = []) {
    self.file = file
    wanted = Set(network.parameterNames).subtracting(left).subtracting(network.constants(absentFrom: file))
    shapes = network.parameters.mapValues(\.shape)
    let places = Place.all(in: file, wanted: wanted, shapes: shapes)
    let best = places.first ?? Place(prefix: "", hidesWrappers: false)
    place = best
    let whole = wanted.count
    rivals = places.dropFirst().filter { $0.fitting == whole }
    missing = wanted.subtracting(best.found.keys).sorted()
    let expected = shapes
    misshapen = best.found.filter { !file.tensors[$0.value].fits(expected[$0.key]) }.keys.sorted()
    sortOut(left, classes: (try? network.validate())?[network.output]?.first ?? 0)
  }

  /// Finds what becomes of the tensors that are not taken.
  private mutating func sortOut(_ left: Set<String>, classes: Int) {
    let modules = Dictionary(grouping: file.tensors) { $0.path.dropLast() + [$0.module] }
    let used = Set(place.found.values)
    let elsewhere = Set(rivals.flatMap(\.found.values))
    let container = place.container(in: file)
    let isNested = place.found.values.contains { file.tensors[$0].path.count > container.count + 1 }
    let heads = Set(left.map { name in name[...(name.lastIndex(of: ".") ?? name.startIndex)] })
    var slots: [String: Int] = [:]
    for (index, tensor) in file.tensors.enumerated() where !used.contains(index) && !elsewhere.contains(index) {
      let own = tensor.path.last ?? ""
      guard !own.hasSuffix("num_batches_tracked"), !own.hasSuffix("n_averaged") else { continue }
      let isBeside = tensor.path.starts(with: container) && (isNested || tensor.path.count == container.count + 1)
      if isBeside, let name = place.name(of: tensor) {
        if left.contains(name) || heads.contains(where: { name.hasPrefix($0) }) { continue }
        beside.append(name)
        // Losses weigh classes by a vector, which is the only tensor of its module.
        let weighsClasses = tensor.shape == [classes] && name.hasSuffix("weight")
        let isAlone = modules[tensor.path.dropLast() + [tensor.module]]?.count == 1
        if tensor.isLayer(name), !(weighsClasses && isAlone) { unexpected.append(name) }
      }
      let group = isBeside ? tensor.path.dropFirst(container.count).joined(separator: ".") : tensor.path.first ?? ""
      if let slot = slots[group] {
        unused[slot].count += 1
      } else {
        slots[group] = unused.count
        unused.append((group, 1))
      }
    }
  }

  /// Whether the file holds exactly the parameters that the network needs, perhaps beside other things.
  public var fits: Bool { missing.isEmpty && unexpected.isEmpty && misshapen.isEmpty }

  /// The shape that the file has for a parameter of the network.
  public func shape(of parameter: String) -> [Int]? { place.found[parameter].flatMap { file.tensors[$0].shape } }

  /// The parameters, read in float32.
  ///
  /// - Throws: `ContainerError` when the file does not fit, or a tensor is damaged.
  public func parameters() throws -> [String: Tensor] {
    guard fits else { throw misfit }
    return try place.found.mapValues { try file.tensors[$0].read() }
  }

  /// Everything that does not fit, in one sentence.
  public var misfit: ContainerError {
    guard !file.tensors.isEmpty else {
      return ContainerError("\(file.name) holds no weights: there is no tensor in it; give another file")
    }
    guard !place.found.isEmpty else {
      return ContainerError(
        """
        \(file.name) does not fit the architecture: none of its \(file.tensors.count) tensors has the name of a \
        parameter of the network; expected \(Self.list(wanted.sorted(), 3)), found \
        \(Self.list(file.tensors.map(\.name), 3)); name the architecture that the weights are of
        """)
    }
    var problems: [String] = []
    if !missing.isEmpty { problems.append("missing: \(Self.list(missing))") }
    // Where all that is asked for is there, only other layers are in the way.
    let odd = problems.isEmpty && misshapen.isEmpty ? unexpected : beside
    if !odd.isEmpty { problems.append("unexpected: \(Self.list(odd.sorted()))") }
    if !misshapen.isEmpty {
      let shown = misshapen.map { name in
        guard let found = place.found[name].map({ file.tensors[$0] }), found.isFloat, let shape = found.shape else {
          return "\(name) is \(place.found[name].map { file.tensors[$0].type } ?? "unknown"), expected floats"
        }
        return "\(name) is \(shape), expected \(shapes[name] ?? [])"
      }
      problems.append("misshapen: \(Self.list(shown))")
    }
    var sentence = "\(file.name) does not fit the architecture; \(problems.joined(separator: "; "))"
    if let part = shard { sentence += "; it is part \(part), give the index of all parts" }
    return ContainerError(sentence)
  }

  /// What was taken, where that is not simply everything; nil where it is.
  public var note: String? {
    let (container, prefix) = place.parts(in: file)
    var parts: [String] = []
    let kind =
      place.isAveraged(in: file) ? (place.isExponential ? "EMA weights" : "averaged weights") : "weights"
    var taken = kind + (container.isEmpty ? "" : " under \(container.shownShort)")
    if !prefix.isEmpty { taken += (container.isEmpty ? " with" : ",") + " prefix \(prefix.shownShort)" }
    if place.hidesWrappers { taken += ", names of wrappers inside taken out" }
    if kind != "weights" || !container.isEmpty || !prefix.isEmpty || place.hidesWrappers { parts.append(taken) }
    if !rivals.isEmpty {
      let others = rivals.map { $0.prefix.isEmpty ? "the outermost" : $0.prefix.droppingDot.shownShort }
      parts.append("not those under \(Self.list(others, 3))")
    }
    let others = unused.reduce(0) { $0 + $1.count }
    if others > 0 {
      let groups = unused.map { $0.count > 1 ? "\($0.name.shownShort): \($0.count)" : $0.name.shownShort }
      let subject = others == 1 ? "1 other tensor is" : "\(others) other tensors are"
      parts.append("\(subject) not used (\(Self.list(groups, 4)))")
    }
    return parts.isEmpty ? nil : "\(file.name): " + parts.joined(separator: "; ")
  }

  /// Which of several files this one is by its name, as "1 of 2".
  private var shard: String? {
    let match = file.name.firstMatch(of: #/-0*([1-9][0-9]{0,4})-of-0*([1-9][0-9]{0,4})\./#)
    return match.map { "\($0.1) of \($0.2)" }
  }

  private static func list(_ words: [String], _ limit: Int = 6) -> String {
    let shown = words.prefix(limit).map(\.shownShort).joined(separator: ", ")
    return words.count > limit ? "\(shown) and \(words.count - limit) more" : shown
  }
}

extension Network {
  /// Names of numbers of the network's definition that a file does not have, as only Thresh stores them.
  fileprivate func constants(absentFrom file: WeightFile) -> [String] {
    let names = nodes.compactMap { $0.parameters[.constant] }
    return names.filter { name in !file.tensors.contains { $0.name.hasSuffix(name) } }
  }
}

extension StoredTensor {
  /// What its last key says before the tensor's own name.
  fileprivate var module: String {
    let own = path.last ?? ""
    return own.lastIndex(of: ".").map { String(own[..<$0]) } ?? ""
  }

  /// Whether it can be a parameter of that shape.
  fileprivate func fits(_ shape: [Int]?) -> Bool { isFloat && self.shape == shape }

  /// Whether a tensor of this name, which no layer of a network has, belongs to another layer: numbers, more than one,
  /// of a module. Counts, masks, single numbers, and what losses and metrics keep change nothing of what a network
  /// computes.
  fileprivate func isLayer(_ name: String) -> Bool {
    guard isFloat, let shape, !shape.contains(0), shape.contains(where: { $0 > 1 }) else { return false }
    let parts = name.split(separator: ".")
    let roles = ["weight", "bias", "running_mean", "running_var"]
    guard parts.count > 1 || roles.contains(name) else { return false }
    let asides = [
      "criterion", "loss", "losses", "metric", "metrics", "accuracy", "acc", "ema", "teacher", "shadow", "confusion",
      "mixup", "lossfn", "objective",
    ]
    return !parts.dropLast().contains { part in Place.words(of: String(part)).contains(where: asides.contains) }
  }
}

extension String {
  /// For sentences: files are not trusted.
  fileprivate var shownShort: String {
    let scalars = unicodeScalars.prefix(80).map { scalar in
      scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
        ? "\u{FFFD}" : scalar
    }
    return String(String.UnicodeScalarView(scalars)) + (unicodeScalars.count > 80 ? "…" : "")
  }

  fileprivate var droppingDot: String { hasSuffix(".") ? String(dropLast()) : self }
}
