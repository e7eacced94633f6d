import Foundation

/// Checks what a header declares against the bytes that follow it: every byte belongs to exactly one tensor.
struct HeaderCheck {
  let file: URL
  /// The file's bytes after the header.
  let bytes: Range<Int>

  /// The declared tensors in the order of their bytes.
  func entries(of declarations: [HeaderParser.Declaration]) throws -> [Safetensors.Entry] {
    let entries = try declarations.map(entry).sorted {
      ($0.range.lowerBound, $0.range.upperBound, $0.name) < ($1.range.lowerBound, $1.range.upperBound, $1.name)
    }
    var end = bytes.lowerBound
    for entry in entries {
      let start = entry.range.lowerBound
      guard start == end else {
        let kind = start < end ? "overlaps the tensor before it" : "leaves a hole before it"
        throw fault(entry.name, "\(kind): expected offset \(end - bytes.lowerBound), found \(start - bytes.lowerBound)")
      }
      end = entry.range.upperBound
    }
    guard end == bytes.upperBound else {
      throw ContainerError(
        file,
        "has \(bytes.count) bytes after its header, expected the \(end - bytes.lowerBound) of its tensors; "
          + "fetch or export it again")
    }
    return entries
  }

  private func entry(_ declaration: HeaderParser.Declaration) throws -> Safetensors.Entry {
    let name = declaration.name
    guard let type = Safetensors.ElementType(rawValue: declaration.type) else {
      let known = Safetensors.ElementType.allCases.map(\.rawValue).joined(separator: ", ")
      throw ContainerError(
        file,
        "has tensor \(name.shown()) of dtype \(declaration.type.shown()), expected one of \(known); convert it first")
    }
    guard let byteCount = type.byteCount(of: declaration.shape) else {
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
        "has \(end - start) bytes, expected \(byteCount) for \(type.rawValue) of shape \(declaration.shapeText)")
    }
    let range = bytes.lowerBound + start..<bytes.lowerBound + end
    return Safetensors.Entry(name: name, type: type, shape: declaration.shape, range: range)
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
