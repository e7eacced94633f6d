/// A value in a pickle of Python's.
///
/// Names of Python's functions and classes are kept as names: nothing is looked up and nothing is run.
public enum Pickled {
  case none
  case bool(Bool)
  case int(Int)
  case float(Double)
  case text(String)
  case tuple(Box)
  case list(Box)
  case dictionary(Box)
  /// "module name" of something in Python.
  case global(String)
  /// What a persistent identifier, the only item, stands for: a storage of PyTorch's.
  case persistent(Box)
  /// The call of something in Python, which is not made: its arguments are the items, entries that are set on the
  /// result the pairs. Objects come about so, and then have a state.
  case call(String, Box)
  /// What weights do not need: bytes, sets, integers of more than 64 bits, results of calls of results.
  case other

  /// What a value holds; shared where the pickle refers to it twice, and part of itself where the pickle says so.
  public final class Box {
    public internal(set) var items: [Pickled]
    public internal(set) var pairs: [(key: Pickled, value: Pickled)] = []
    public internal(set) var state: Pickled?

    init(_ items: [Pickled]) { self.items = items }
  }
}

/// A pickle's value, to be looked at while the document is kept.
///
/// Values may hang on each other in circles, and in chains so long that freeing them link by link from the first would
/// exhaust the stack. So the document owns all of them and takes each apart by itself.
public final class PickledDocument {
  public let root: Pickled
  /// Where the pickle ends, counted from the first byte that was given.
  public let end: Int
  /// Everything that a persistent identifier was read for.
  public let persistent: [Pickled.Box]
  private let boxes: PickledBoxes

  init(root: Pickled, end: Int, persistent: [Pickled.Box], boxes: PickledBoxes) {
    (self.root, self.end, self.persistent, self.boxes) = (root, end, persistent, boxes)
  }
}

/// All boxes of a pickle.
final class PickledBoxes {
  private var all: [Pickled.Box] = []

  var count: Int { all.count }

  func make(_ items: [Pickled] = []) -> Pickled.Box {
    let box = Pickled.Box(items)
    all.append(box)
    return box
  }

  deinit {
    for box in all { (box.items, box.pairs, box.state) = ([], [], nil) }
  }
}
