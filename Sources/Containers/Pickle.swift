import Foundation

/// A value in a pickle of PyTorch.
///
/// Names of Python's functions and classes are kept as names: nothing is looked up and nothing is run.
public indirect enum Pickled {
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
  /// What a persistent identifier stands for, as PyTorch's storages.
  case persistent(Pickled)
  /// The call of something in Python, which is not made, with its arguments.
  case call(String, Box)

  /// What tuples, lists and dictionaries hold; shared where the pickle refers to one twice.
  ///
  /// It knows its depth: counting anew would visit what is shared once for every way to it.
  public final class Box {
    public internal(set) var items: [Pickled]
    public internal(set) var pairs: [(key: Pickled, value: Pickled)] = []
    fileprivate var depth: Int

    fileprivate init(_ items: [Pickled] = []) {
      self.items = items
      depth = 1 + (items.map(\.depth).max() ?? 0)
    }
  }

  fileprivate var depth: Int {
    switch self {
    case .tuple(let box), .list(let box), .dictionary(let box), .call(_, let box): box.depth
    case .persistent(let value): 1 + value.depth
    default: 0
    }
  }
}

/// Takes a pickle apart: the opcodes that torch.save writes, protocol 2 to 5, without running anything.
public struct PickleReader {
  private let bytes: [UInt8]
  private var position = 0
  private var stack: [Pickled] = []
  private var marks: [Int] = []
  private var memo: [Int: Pickled] = [:]
  private let name: String

  /// Deeper values than checkpoints have are refused.
  private static let depth = 32

  /// - Throws: `ContainerError` when the pickle is damaged or uses an opcode that is not known here.
  public static func read(_ data: Data, name: String) throws -> Pickled {
    var reader = PickleReader(bytes: [UInt8](data), name: name)
    return try reader.run()
  }

  private init(bytes: [UInt8], name: String) { (self.bytes, self.name) = (bytes, name) }

  private mutating func run() throws -> Pickled {
    while true {
      let opcode = try number(1)
      if opcode == UInt8(ascii: ".") { return try pop() }
      try step(UInt8(opcode))
      guard stack.last.map({ $0.depth <= Self.depth }) ?? true else { throw damaged }
    }
  }

  private mutating func step(_ opcode: UInt8) throws {
    switch opcode {
    case 0x80: _ = try number(1)  // protocol
    case 0x95: _ = try number(8)  // frame
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: "}"): stack.append(.dictionary(Pickled.Box()))
    case UInt8(ascii: "]"): stack.append(.list(Pickled.Box()))
    case UInt8(ascii: ")"): stack.append(.tuple(Pickled.Box()))
    case UInt8(ascii: "t"): stack.append(.tuple(Pickled.Box(try popToMark())))
    case 0x85: stack.append(.tuple(Pickled.Box(try pop(1))))
    case 0x86: stack.append(.tuple(Pickled.Box(try pop(2))))
    case 0x87: stack.append(.tuple(Pickled.Box(try pop(3))))
    case UInt8(ascii: "N"): stack.append(.none)
    case 0x88: stack.append(.bool(true))
    case 0x89: stack.append(.bool(false))
    case UInt8(ascii: "K"): stack.append(.int(try number(1)))
    case UInt8(ascii: "M"): stack.append(.int(try number(2)))
    case UInt8(ascii: "J"): stack.append(.int(Int(Int32(truncatingIfNeeded: try number(4)))))
    case 0x8A: stack.append(.int(try longInteger(try number(1))))
    case UInt8(ascii: "G"):
      let pattern = try take(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      stack.append(.float(Double(bitPattern: pattern)))
    case UInt8(ascii: "X"), UInt8(ascii: "T"), UInt8(ascii: "B"): stack.append(.text(try text(try number(4))))
    case 0x8C, UInt8(ascii: "U"), UInt8(ascii: "C"): stack.append(.text(try text(try number(1))))
    case 0x8D: stack.append(.text(try text(try number(8))))
    default: try stepOnStack(opcode)
    }
  }

  /// Opcodes that work on what is there.
  ///
  /// Items are taken off the stack in a statement of their own: a method that does not change self sees it as it was
  /// before its arguments were made.
  private mutating func stepOnStack(_ opcode: UInt8) throws {
    switch opcode {
    case UInt8(ascii: "q"): memo[try number(1)] = try top()
    case UInt8(ascii: "r"): memo[try number(4)] = try top()
    case 0x94: memo[memo.count] = try top()
    case UInt8(ascii: "h"): stack.append(try remembered(try number(1)))
    case UInt8(ascii: "j"): stack.append(try remembered(try number(4)))
    case UInt8(ascii: "0"): _ = try pop()
    case UInt8(ascii: "c"): stack.append(.global(try line() + " " + line()))
    case 0x93:
      let names = try pop(2)
      guard case .text(let module) = names[0], case .text(let word) = names[1] else { throw damaged }
      stack.append(.global(module + " " + word))
    case UInt8(ascii: "Q"): stack.append(.persistent(try pop()))
    case UInt8(ascii: "R"), 0x81: try call()
    case UInt8(ascii: "b"): _ = try pop()  // state of an object, such as a state dict's metadata
    case UInt8(ascii: "s"):
      let items = try pop(2)
      try set(items)
    case UInt8(ascii: "u"):
      let items = try popToMark()
      try set(items)
    case UInt8(ascii: "a"):
      let items = try pop(1)
      try append(items)
    case UInt8(ascii: "e"):
      let items = try popToMark()
      try append(items)
    default:
      throw ContainerError(
        "\(name) holds more than tensors and dictionaries (opcode \(opcode)); save the model's state_dict alone")
    }
  }

  private mutating func call() throws {
    let both = try pop(2)
    guard case .tuple(let arguments) = both[1] else { throw damaged }
    guard case .global(let function) = both[0] else { return stack.append(.none) }
    stack.append(
      function == "collections OrderedDict" ? .dictionary(Pickled.Box()) : .call(function, arguments))
  }

  private func set(_ items: [Pickled]) throws {
    guard items.count % 2 == 0, case .dictionary(let box) = try top() else { throw damaged }
    for index in stride(from: 0, to: items.count, by: 2) { box.pairs.append((items[index], items[index + 1])) }
    try deepen(box, items)
  }

  private func append(_ items: [Pickled]) throws {
    guard case .list(let box) = try top() else { throw damaged }
    box.items += items
    try deepen(box, items)
  }

  private func deepen(_ box: Pickled.Box, _ items: [Pickled]) throws {
    box.depth = max(box.depth, 1 + (items.map(\.depth).max() ?? 0))
    guard box.depth <= Self.depth else { throw damaged }
  }
}

// MARK: Bytes and stack

extension PickleReader {
  private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count >= 0, count <= bytes.count - position else { throw damaged }
    defer { position += count }
    return bytes[position..<position + count]
  }

  private mutating func number(_ count: Int) throws -> Int {
    let value = try take(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard let number = Int(exactly: value) else { throw damaged }
    return number
  }

  private mutating func longInteger(_ count: Int) throws -> Int {
    let digits = try take(count)
    guard count <= 8 else { throw damaged }
    let value = digits.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let shift = UInt64(64 - 8 * count)
    return count == 0 ? 0 : Int(Int64(bitPattern: value << shift) >> Int64(shift))
  }

  private mutating func text(_ count: Int) throws -> String { String(decoding: try take(count), as: UTF8.self) }

  private mutating func line() throws -> String {
    guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) else { throw damaged }
    defer { position = end + 1 }
    return String(decoding: bytes[position..<end], as: UTF8.self)
  }

  private func top() throws -> Pickled {
    guard let value = stack.last else { throw damaged }
    return value
  }

  private func remembered(_ index: Int) throws -> Pickled {
    guard let value = memo[index] else { throw damaged }
    return value
  }

  private mutating func pop() throws -> Pickled { try pop(1)[0] }

  private mutating func pop(_ count: Int) throws -> [Pickled] {
    guard stack.count - count >= marks.last ?? 0 else { throw damaged }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark() throws -> [Pickled] {
    guard let mark = marks.popLast(), mark <= stack.count else { throw damaged }
    defer { stack.removeLast(stack.count - mark) }
    return Array(stack[mark...])
  }

  private var damaged: ContainerError {
    ContainerError("\(name) holds a pickle that is damaged at byte \(position); save it again")
  }
}
