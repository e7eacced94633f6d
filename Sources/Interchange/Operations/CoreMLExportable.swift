import Networks

/// An operation that can be written as operations of an ML program, those of iOS 15
/// (https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html).
///
/// Every operation of `OperationRegistry` is one; the extension that says so stands in this folder, in a file called
/// after the operation's.
protocol CoreMLExportable: Operation {
  /// Appends what computes the node's value, and gives the variable that has it.
  ///
  /// - Throws: `ContainerError` when a number cannot be written in the program's precision.
  func write(_ site: CoreMLSite, to program: inout CoreMLProgramWriter) throws -> String
}

/// A node where it is written: what it reads, as variables of the program.
///
/// Values have a batch axis of one element; those of five axes are written without it, since Core ML has no sixth.
struct CoreMLSite {
  let node: Node
  let network: Network
  /// Variables that have what it reads.
  let inputs: [String]
  /// The shapes of those for one image.
  let imageShapes: [[Int]]
  /// The shape of its own value for one image.
  let imageOutput: [Int]

  static let mostAxes = 5

  var name: String { node.name }
  /// The first value that it reads.
  var x: String { inputs[0] }
  /// The shape of that in the program.
  var shape: [Int] { Self.written(imageShapes[0]) }
  /// The shapes of all that it reads in the program.
  var shapes: [[Int]] { imageShapes.map(Self.written) }
  /// The shape of its value in the program.
  var output: [Int] { Self.written(imageOutput) }

  /// Where an axis of the image is in the program.
  func axis(_ axis: Int) -> Int { axis + shape.count - imageShapes[0].count }

  /// The shape of numbers for each channel that meet what it reads.
  var column: [Int] { shape.indices.map { $0 == axis(0) ? shape[$0] : 1 } }

  private static func written(_ shape: [Int]) -> [Int] { shape.count < mostAxes ? [1] + shape : shape }
}

extension CoreMLProgramWriter {
  /// Appends an operation of one value that is the node's result.
  mutating func append(
    _ type: String, of site: CoreMLSite, _ settings: [(String, Argument)] = []
  ) -> String {
    append(type, [("x", .variable(site.x))] + settings, site.name, site.output)
  }
}
