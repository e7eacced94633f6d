/// A place in a file where parameters of a network are found: what stands before their names.
struct Place {
  /// Keys and prefixes, as "state_dict._orig_mod.module.".
  let prefix: String
  /// Whether names of wrappers are left out within names too, as in "features.module.0.weight".
  let hidesWrappers: Bool
  /// Indices of the file's tensors by the network's names.
  var found: [String: Int] = [:]
  /// How many of them have the network's shapes.
  var fitting = 0

  init(prefix: String, hidesWrappers: Bool) { (self.prefix, self.hidesWrappers) = (prefix, hidesWrappers) }

  /// All places in a file where most of the parameters are found that are found in one place, the likeliest first:
  /// where most have the right shape; of equal ones, averaged weights before those of the last step, which are worse,
  /// and both before what optimisers and teachers keep under the same names.
  static func all(in file: WeightFile, wanted: Set<String>, shapes: [String: [Int]]) -> [Place] {
    var all = places(in: file, wanted, shapes, hidesWrappers: false)
    if !all.contains(where: { $0.fitting == wanted.count }) {
      all += places(in: file, wanted, shapes, hidesWrappers: true)
    }
    let most = all.map(\.found.count).max() ?? 0
    let likely = all.filter { $0.found.count >= (most + 1) / 2 }.sorted { $0.order > $1.order }.prefix(100)
    let ranked = likely.map { (place: $0, rank: $0.rank(in: file)) }
    return ranked.sorted { a, b in
      let (x, y) = (a.place, b.place)
      return (x.fitting, x.found.count, a.rank, x.order) > (y.fitting, y.found.count, b.rank, y.order)
    }.map { $0.place }
  }

  /// What decides between places that are as good otherwise: nothing left out of names, then the shorter prefix.
  private var order: Order { Order(place: self) }

  private struct Order: Comparable {
    let place: Place
    static func == (a: Order, b: Order) -> Bool { !(a < b) && !(b < a) }
    static func < (a: Order, b: Order) -> Bool {
      let (x, y) = (a.place, b.place)
      return (x.fitting, x.found.count, x.hidesWrappers ? 0 : 1, y.depth, y.prefix)
        < (y.fitting, y.found.count, y.hidesWrappers ? 0 : 1, x.depth, x.prefix)
    }
  }

  private static func places(
    in file: WeightFile, _ wanted: Set<String>, _ shapes: [String: [Int]], hidesWrappers: Bool
  ) -> [Place] {
    let names = Set(wanted.map { Substring($0) })
    let longest = names.map { $0.utf8.count }.max() ?? 0
    var places: [Substring: Place] = [:]
    for (index, tensor) in file.tensors.enumerated() {
      let name = hidesWrappers ? unwrapped(tensor.name) : tensor.name
      var rest = Substring(name)
      while true {
        if rest.utf8.count <= longest, names.contains(rest) {
          let (prefix, own) = (name[..<rest.startIndex], String(rest))
          let fits = tensor.isFloat && tensor.shape == shapes[own]
          places[prefix, default: Place(prefix: String(prefix), hidesWrappers: hidesWrappers)].add(own, index, fits)
        }
        guard let dot = rest.firstIndex(of: ".") else { break }
        rest = rest[rest.index(after: dot)...]
      }
    }
    return Array(places.values)
  }

  private mutating func add(_ name: String, _ index: Int, _ fits: Bool) {
    guard found[name] == nil else { return }
    found[name] = index
    if fits { fitting += 1 }
  }

  /// What torch.compile, DataParallel, FSDP and checkpointed activations put between names of layers.
  private static let wrappers: Set<Substring> = [
    "module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module",
  ]

  private static func unwrapped(_ name: String) -> String {
    name.split(separator: ".", omittingEmptySubsequences: false).filter { !wrappers.contains($0) }
      .joined(separator: ".")
  }

  /// The tensor's name from this place on; nil where it is elsewhere.
  func name(of tensor: StoredTensor) -> String? {
    let name = hidesWrappers ? Self.unwrapped(tensor.name) : tensor.name
    return name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : nil
  }

  private var depth: Int { prefix.count { $0 == "." } }

  /// The keys of dictionaries that the prefix begins with.
  func container(in file: WeightFile) -> [String] {
    guard let index = found.values.min() else { return [] }
    var keys: [String] = []
    var length = 0
    for key in file.tensors[index].path.dropLast() {
      let name = hidesWrappers ? Self.unwrapped(key) : key
      length += name.isEmpty ? 0 : name.count + 1
      guard length <= prefix.count else { break }
      keys.append(key)
    }
    return keys
  }

  /// The keys of dictionaries and the prefix of names, for sentences.
  func parts(in file: WeightFile) -> (container: String, prefix: String) {
    var keys = container(in: file).joined(separator: ".")
    if hidesWrappers { keys = Self.unwrapped(keys) }
    return (keys, String(prefix.dropFirst(keys.isEmpty ? 0 : keys.count + 1)))
  }

  // MARK: Which of several

  /// The words of the prefix, in lower case.
  var words: Set<String> { Self.words(of: prefix) }

  static func words(of name: String) -> Set<String> {
    Set(name.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init))
  }

  /// Whether these are averages over steps, which a file says by a name or by counting what was averaged.
  func isAveraged(in file: WeightFile) -> Bool {
    isExponential || !words.isDisjoint(with: ["swa", "averaged", "average", "avg"]) || averages(in: file) != nil
  }

  /// Whether a name says that these are exponential moving averages.
  var isExponential: Bool {
    words.contains { $0.hasPrefix("ema") || $0.hasSuffix("ema") || $0 == "shadow" }
  }

  /// The count that PyTorch's AveragedModel keeps beside the module that it averages.
  private func averages(in file: WeightFile) -> StoredTensor? {
    guard prefix.hasSuffix("module.") else { return nil }
    let name = prefix.dropLast("module.".count) + "n_averaged"
    return file.tensors.first { $0.name == name }
  }

  private func rank(in file: WeightFile) -> Int {
    let others: Set = [
      "optimizer", "optim", "optimizers", "momentum", "grad", "grads", "exp", "teacher", "target", "initial", "init",
      "backup", "collected", "previous", "old", "discriminator", "k",
    ]
    // An average over nothing is a copy of what training began with.
    if let count = averages(in: file), (try? count.read())?.count == 1, (try? count.read().item) == 0 { return -2 }
    if !words.isDisjoint(with: others) { return -1 }
    if isAveraged(in: file) { return 2 }
    let usual: Set = [
      "state", "dict", "model", "net", "network", "weights", "params", "module", "orig", "mod", "student",
    ]
    return words.subtracting(usual).isEmpty ? 1 : 0
  }
}
