import Foundation

/// Takes a pickle apart, of any protocol from 0 to 5, without running anything.
///
/// Opcodes: `pickletools.opcodes` in Python.
public struct PickleReader {
  private let data: Data
  private var position: Int
  private var stack: [Pickled] = []
  private var marks: [Int] = []
  private var memo: [Int: Pickled] = [:]
  private var persistent: [Pickled.Box] = []
  private let boxes = PickledBoxes()
  private let name: String

  /// A value takes up to a hundred times the bytes that a hostile pickle spends on it; checkpoints have less of both.
  private static let (longest, mostBoxes) = (1 << 27, 1 << 22)

  /// Reads the pickle that begins at the first byte of `data`; more may follow it.
  ///
  /// - Throws: `ContainerError` when the pickle is damaged, or larger than checkpoints are.
  public static func read(_ data: Data, name: String) throws -> PickledDocument {
    var reader = PickleReader(data: data, position: data.startIndex, name: name)
    return try reader.run()
  }

  private init(data: Data, position: Int, name: String) {
    (self.data, self.position, self.name) = (data, position, name)
  }

  private mutating func run() throws -> PickledDocument {
    while true {
      let opcode = UInt8(try number(1))
      if opcode == UInt8(ascii: ".") {
        return PickledDocument(
          root: try pop(), end: position - data.startIndex, persistent: persistent, boxes: boxes)
      }
      guard position - data.startIndex <= Self.longest, boxes.count <= Self.mostBoxes else {
        throw ContainerError("\(name) holds a pickle larger than checkpoints have; save the model's state_dict alone")
      }
      if try !readValue(opcode) { try stepOnStack(opcode) }
    }
  }

  /// Opcodes that put a value on the stack, whatever is there; false for others.
  private mutating func readValue(_ opcode: UInt8) throws -> Bool {
    switch opcode {
    case 0x80: _ = try take(1)  // protocol
    case 0x95: _ = try take(8)  // frame
    case UInt8(ascii: "N"): stack.append(.none)
    case 0x88: stack.append(.bool(true))
    case 0x89: stack.append(.bool(false))
    case UInt8(ascii: "K"): stack.append(.int(try number(1)))
    case UInt8(ascii: "M"): stack.append(.int(try number(2)))
    case UInt8(ascii: "J"): stack.append(.int(Int(Int32(truncatingIfNeeded: try number(4)))))
    case 0x8A: stack.append(try longInteger(try number(1)))
    case 0x8B: stack.append(try longInteger(try number(4)))
    case UInt8(ascii: "I"), UInt8(ascii: "L"): stack.append(integer(try line()))
    case UInt8(ascii: "F"): stack.append(Double(try line()).map(Pickled.float) ?? .other)
    case UInt8(ascii: "G"):
      let pattern = try take(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      stack.append(.float(Double(bitPattern: pattern)))
    case UInt8(ascii: "X"), UInt8(ascii: "T"): stack.append(.text(try text(try number(4))))
    case 0x8C, UInt8(ascii: "U"): stack.append(.text(try text(try number(1))))
    case 0x8D: stack.append(.text(try text(try number(8))))
    case UInt8(ascii: "V"): stack.append(.text(try line()))
    case UInt8(ascii: "S"): stack.append(.text(String(try line().dropFirst().dropLast())))
    case UInt8(ascii: "C"): try skip(try number(1))
    case UInt8(ascii: "B"): try skip(try number(4))
    case 0x8E, 0x96: try skip(try number(8))  // bytes, bytearray
    case 0x97: stack.append(.other)  // a buffer outside the pickle
    case 0x82: try skip(1)  // extensions of copyreg
    case 0x83: try skip(2)
    case 0x84: try skip(4)
    case UInt8(ascii: "}"): stack.append(.dictionary(boxes.make()))
    case UInt8(ascii: "]"): stack.append(.list(boxes.make()))
    case UInt8(ascii: ")"): stack.append(.tuple(boxes.make()))
    case 0x8F: stack.append(.other)  // an empty set
    case UInt8(ascii: "c"):
      let module = try line()
      stack.append(.global(module + " " + (try line())))
    case UInt8(ascii: "P"): makePersistent(.text(try line()))
    default: return false
    }
    return true
  }

  /// Opcodes that work on what is there.
  ///
  /// Items are taken off the stack in a statement of their own: a method that does not change self sees it as it was
  /// before its arguments were made.
  private mutating func stepOnStack(_ opcode: UInt8) throws {
    switch opcode {
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: "t"): stack.append(.tuple(boxes.make(try popToMark())))
    case 0x85: stack.append(.tuple(boxes.make(try pop(1))))
    case 0x86: stack.append(.tuple(boxes.make(try pop(2))))
    case 0x87: stack.append(.tuple(boxes.make(try pop(3))))
    case UInt8(ascii: "l"): stack.append(.list(boxes.make(try popToMark())))
    case UInt8(ascii: "d"):
      let (items, box) = (try popToMark(), boxes.make())
      try set(items, on: .dictionary(box))
      stack.append(.dictionary(box))
    case 0x91:  // a frozenset
      _ = try popToMark()
      stack.append(.other)
    case UInt8(ascii: "0"): try drop()
    case UInt8(ascii: "1"): _ = try popToMark()
    case UInt8(ascii: "2"): stack.append(try top())
    case 0x98: break  // a buffer becomes read-only
    case UInt8(ascii: "Q"): makePersistent(try pop())
    case UInt8(ascii: "q"): memo[try number(1)] = try top()
    case UInt8(ascii: "r"): memo[try number(4)] = try top()
    case UInt8(ascii: "p"): memo[try lineNumber()] = try top()
    case 0x94: memo[memo.count] = try top()
    case UInt8(ascii: "h"): stack.append(try remembered(try number(1)))
    case UInt8(ascii: "j"): stack.append(try remembered(try number(4)))
    case UInt8(ascii: "g"): stack.append(try remembered(try lineNumber()))
    default: try build(opcode)
    }
  }

  /// Opcodes that make objects and fill them.
  private mutating func build(_ opcode: UInt8) throws {
    switch opcode {
    case 0x93:
      let names = try pop(2)
      guard case .text(let module) = names[0], case .text(let word) = names[1] else { throw damaged }
      stack.append(.global(module + " " + word))
    case UInt8(ascii: "R"), 0x81:
      let both = try pop(2)
      stack.append(call(both[0], both[1]))
    case 0x92:  // arguments with keywords
      let three = try pop(3)
      stack.append(call(three[0], three[1]))
    case UInt8(ascii: "o"):
      let items = try popToMark()
      guard let callee = items.first else { throw damaged }
      stack.append(call(callee, .tuple(boxes.make(Array(items.dropFirst())))))
    case UInt8(ascii: "i"):
      let module = try line()
      let callee = Pickled.global(module + " " + (try line()))
      let items = try popToMark()
      stack.append(call(callee, .tuple(boxes.make(items))))
    case UInt8(ascii: "b"):
      let state = try pop()
      if case .call(_, let box) = try top() { box.state = state }
    case UInt8(ascii: "s"):
      let items = try pop(2)
      try set(items, on: try top())
    case UInt8(ascii: "u"):
      let items = try popToMark()
      try set(items, on: try top())
    case UInt8(ascii: "a"):
      let items = try pop(1)
      if case .list(let box) = try top() { box.items += items }
    case UInt8(ascii: "e"):
      let items = try popToMark()
      if case .list(let box) = try top() { box.items += items }
    case 0x90:  // items of a set
      _ = try popToMark()
    default:
      position -= 1
      throw damaged
    }
  }

  private func call(_ callee: Pickled, _ arguments: Pickled) -> Pickled {
    guard let function = name(of: callee), case .tuple(let box) = arguments else { return .other }
    guard function == "collections OrderedDict" else { return .call(function, boxes.make(box.items)) }
    let ordered = boxes.make()
    // Older Pythons give the entries as a list of pairs.
    if case .list(let entries) = box.items.first {
      for case .list(let entry) in entries.items where entry.items.count == 2 {
        ordered.pairs.append((entry.items[0], entry.items[1]))
      }
    }
    return .dictionary(ordered)
  }

  private func name(of callee: Pickled) -> String? {
    switch callee {
    case .global(let name): return name
    // Older versions of PyTorch put a module's class behind a persistent identifier, with its source.
    case .persistent(let box):
      guard case .tuple(let parts) = box.items.first, parts.items.count > 1, case .global(let name) = parts.items[1]
      else { return nil }
      return name
    default: return nil
    }
  }

  /// Sets entries of a dictionary, or of an object that is a kind of dictionary.
  private func set(_ items: [Pickled], on value: Pickled) throws {
    guard items.count % 2 == 0 else { throw damaged }
    switch value {
    case .dictionary(let box), .call(_, let box):
      for index in stride(from: 0, to: items.count, by: 2) { box.pairs.append((items[index], items[index + 1])) }
    case .other: break
    default: throw damaged
    }
  }

  private mutating func makePersistent(_ identifier: Pickled) {
    let box = boxes.make([identifier])
    persistent.append(box)
    stack.append(.persistent(box))
  }
}

// MARK: Bytes and stack

extension PickleReader {
  private mutating func take(_ count: Int) throws -> Data {
    guard count >= 0, count <= data.endIndex - position else { throw damaged }
    defer { position += count }
    return data[position..<position + count]
  }

  /// Steps over bytes that stand for a value which nothing here reads.
  private mutating func skip(_ count: Int) throws {
    _ = try take(count)
    stack.append(.other)
  }

  private mutating func number(_ count: Int) throws -> Int {
    let value = try take(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard let number = Int(exactly: value) else { throw damaged }
    return number
  }

  /// An integer in two's complement; `other` where 64 bits do not hold it.
  private mutating func longInteger(_ count: Int) throws -> Pickled {
    let digits = try take(count)
    guard count > 0 else { return .int(0) }
    guard count <= 8 else { return .other }
    let value = digits.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let shift = UInt64(64 - 8 * count)
    return .int(Int(Int64(bitPattern: value << shift) >> Int64(shift)))
  }

  /// Decimal digits, as protocol 0 has them: "00" and "01" are false and true, and long ones end in L.
  private func integer(_ text: String) -> Pickled {
    if text == "00" || text == "01" { return .bool(text == "01") }
    return Int(text.hasSuffix("L") ? String(text.dropLast()) : text).map(Pickled.int) ?? .other
  }

  private mutating func text(_ count: Int) throws -> String { String(decoding: try take(count), as: UTF8.self) }

  private mutating func line() throws -> String {
    guard let end = data[position...].firstIndex(of: UInt8(ascii: "\n")) else { throw damaged }
    defer { position = end + 1 }
    return String(decoding: data[position..<end], as: UTF8.self)
  }

  private mutating func lineNumber() throws -> Int {
    guard let number = Int(try line()) else { throw damaged }
    return number
  }

  private func top() throws -> Pickled {
    guard stack.count > marks.last ?? 0, let value = stack.last else { throw damaged }
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

  /// Drops the top value, or the mark where that is on top.
  private mutating func drop() throws {
    if let mark = marks.last, mark == stack.count {
      marks.removeLast()
    } else {
      _ = try pop()
    }
  }

  private mutating func popToMark() throws -> [Pickled] {
    guard let mark = marks.popLast(), mark <= stack.count else { throw damaged }
    defer { stack.removeLast(stack.count - mark) }
    return Array(stack[mark...])
  }

  private var damaged: ContainerError {
    ContainerError("\(name) holds a pickle that is damaged at byte \(position - data.startIndex); save it again")
  }
}
