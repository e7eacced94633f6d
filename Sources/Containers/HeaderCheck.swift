import Foundation

/// Checks what a header declares against the bytes that follow it: every byte belongs to exactly one tensor.
struct HeaderCheck {
  let file: URL
  /// The file's bytes after the header.
  let bytes: Range<Int>

  /// A declared tensor in its place.
  private struct Place {
    var declaration: HeaderParser.Declaration
    var range: Range<Int>
    var name: String { declaration.name }
  }

  /// The declared tensors in the order of their bytes, those of types that nothing here reads by name and type alone.
  func checked(
    _ declarations: [HeaderParser.Declaration]
  ) throws -> (entries: [Safetensors.Entry], unreadable: [String: String]) {
    let places = try declarations.map(place).sorted {
      ($0.range.lowerBound, $0.range.upperBound, $0.name) < ($1.range.lowerBound, $1.range.upperBound, $1.name)
    }
    var end = bytes.lowerBound
    for place in places {
      let start = place.range.lowerBound
      guard start == end else {
        let kind = start < end ? "overlaps the tensor before it" : "leaves a hole before it"
        throw fault(place.name, "\(kind): expected offset \(end - bytes.lowerBound), found \(start - bytes.lowerBound)")
      }
      end = place.range.upperBound
    }
    guard end == bytes.upperBound else {
      throw ContainerError(
        file,
        "has \(bytes.count) bytes after its header, expected the \(end - bytes.lowerBound) of its tensors; "
          + "fetch or export it again")
    }
    var (entries, unreadable): ([Safetensors.Entry], [String: String]) = ([], [:])
    for place in places {
      if let type = Safetensors.ElementType(rawValue: place.declaration.type) {
        entries.append(
          Safetensors.Entry(name: place.name, type: type, shape: place.declaration.shape, range: place.range))
      } else {
        unreadable[place.name] = place.declaration.type
      }
    }
    return (entries, unreadable)
  }

  private func place(_ declaration: HeaderParser.Declaration) throws -> Place {
    let name = declaration.name
    let own = Safetensors.ElementType(rawValue: declaration.type).map { 8 * $0.size }
    guard let bits = own ?? Safetensors.otherTypes[declaration.type] else {
      let known = Safetensors.ElementType.allCases.map(\.rawValue).joined(separator: ", ")
      throw ContainerError(
        file,
        "has tensor \(name.shown()) of dtype \(declaration.type.shown()), expected one of \(known); convert it first")
    }
    guard let byteCount = Safetensors.byteCount(of: declaration.shape, bits: bits) else {
      throw fault(name, "is too large: expected fewer than 2^63 bytes, found shape \(declaration.shapeText)")
    }
    guard declaration.offsets.count == 2 else {
      throw fault(name, "has \(declaration.offsets.count) data_offsets, expected 2")
    }
    let (start, end) = (declaration.offsets[0], declaration.offsets[1])
    guard start <= end else { throw fault(name, "has reversed data_offsets, found \(start) before \(end)") }
    guard end <= bytes.count else {
      throw fault(name, "ends at byte \(end) after the header, expected at most \(bytes.count), the file's end")
    }
    guard end - start == byteCount else {
      throw fault(
        name,
        "has \(end - start) bytes, expected \(byteCount) for \(declaration.type) of shape \(declaration.shapeText)")
    }
    return Place(declaration: declaration, range: bytes.lowerBound + start..<bytes.lowerBound + end)
  }

  private func fault(_ tensor: String, _ sentence: String) -> ContainerError {
    ContainerError(file, "is damaged: tensor \(tensor.shown()) \(sentence); fetch or export it again")
  }
}

extension HeaderParser.Declaration {
  /// The shape for an error sentence, cut where it is absurdly long.
  fileprivate var shapeText: String {
    "[" + shape.prefix(8).map(String.init).joined(separator: ", ") + (shape.count > 8 ? ", …]" : "]")
  }
}
