/// Reads files of records, each of labels of one byte and the planes of a 32×32 RGB image: CIFAR's binary versions,
/// chars36.
struct PlanarRecords {
  static let shape = ImageShape(channels: 3, height: 32, width: 32)
  private static let plane = 32 * 32

  /// Labels before the planes; the last is the class.
  var labelBytes = 1
  private var recordSize: Int { labelBytes + 3 * Self.plane }

  /// CIFAR-10 in its folder `cifar-10-batches-bin` (https://www.cs.toronto.edu/~kriz/cifar.html).
  static func cifar10(in folder: String) throws(DatasetError) -> Dataset {
    let classes = try classNames(folder + "/batches.meta.txt", count: 10)
    let batches = (1...5).map { "\(folder)/data_batch_\($0).bin" }
    let records = PlanarRecords()
    return Dataset(
      name: "cifar10", classNames: classes, normalization: .cifar10,
      augmentation: Augmentation(crop: .padded(4), flips: true),
      train: try records.images(batches, classes: classes.count, count: 10_000),
      test: try records.images([folder + "/test_batch.bin"], classes: classes.count, count: 10_000))
  }

  /// CIFAR-100 in its folder `cifar-100-binary`, with its 100 fine labels; the coarse label before each is passed over.
  ///
  /// - Parameter counts: images in the two files, of which the set itself has 50,000 and 10,000.
  static func cifar100(
    in folder: String, counts: (train: Int, test: Int) = (50_000, 10_000)
  ) throws(DatasetError) -> Dataset {
    let classes = try classNames(folder + "/fine_label_names.txt", count: 100)
    let records = PlanarRecords(labelBytes: 2)
    return Dataset(
      name: "cifar100", classNames: classes, normalization: .cifar100,
      augmentation: Augmentation(crop: .padded(4), flips: true),
      train: try records.images([folder + "/train.bin"], classes: classes.count, count: counts.train),
      test: try records.images([folder + "/test.bin"], classes: classes.count, count: counts.test))
  }

  /// `train.bin`, `test.bin` and `classes.txt` in a folder.
  static func dataset(name: String, in folder: String) throws(DatasetError) -> Dataset {
    let classes = try classNames(folder + "/classes.txt", count: nil)
    let records = PlanarRecords()
    let train = try records.images([folder + "/train.bin"], classes: classes.count, count: nil)
    return Dataset(
      name: name, classNames: classes, normalization: Normalization(of: train),
      augmentation: Augmentation(crop: .padded(2)), train: train,
      test: try records.images([folder + "/test.bin"], classes: classes.count, count: nil))
  }

  /// One name a line; empty lines, with which CIFAR's own file ends, do not count.
  private static func classNames(_ path: String, count: Int?) throws(DatasetError) -> [String] {
    let lines = String(decoding: try bytes(ofFile: path, limit: 1 << 20), as: UTF8.self).split(
      whereSeparator: \.isNewline)
    guard lines.count == count ?? lines.count, (1...256).contains(lines.count) else {
      throw .malformed(
        path: path, problem: "has \(lines.count) class names, expected \(count.map(String.init) ?? "1 to 256")")
    }
    return lines.map(String.init)
  }

  /// - Parameter count: the records in each file, where it is known.
  private func images(_ paths: [String], classes: Int, count: Int?) throws(DatasetError) -> InMemoryImages {
    var files: [[UInt8]] = []
    var labels: [UInt8] = []
    for path in paths {
      let records = try records(path, count: count)
      for index in 0..<records.count / recordSize {
        let label = records[index * recordSize + labelBytes - 1]
        guard label < classes else {
          let found = "has the label \(label) in record \(index)"
          throw .malformed(path: path, problem: "\(found), expected 0 to \(classes - 1); fetch it again")
        }
        labels.append(label)
      }
      files.append(records)
    }
    let pixels = [UInt8](unsafeUninitializedCapacity: labels.count * Self.shape.count) { output, initialized in
      for records in files {
        guard let start = output.baseAddress else { continue }
        interleave(records, to: start + initialized)
        initialized += records.count / recordSize * Self.shape.count
      }
    }
    return InMemoryImages(shape: Self.shape, pixels: pixels, labels: labels)
  }

  private func records(_ path: String, count: Int?) throws(DatasetError) -> [UInt8] {
    guard let size = sizeOfFile(path) else {
      throw .unreadable(path: path, reason: "there is no such file; fetch the set again")
    }
    if let count, size != count * recordSize {
      throw .malformed(
        path: path, problem: "has \(grouped(size)) bytes, expected \(grouped(count * recordSize)); fetch it again")
    }
    guard size > 0, size % recordSize == 0 else {
      let expected = "expected a multiple of \(grouped(recordSize)), one label byte and 32x32 RGB pixels"
      throw .malformed(path: path, problem: "has \(grouped(size)) bytes, \(expected) a record; fetch it again")
    }
    return try bytes(ofFile: path)
  }

  /// From three planes an image to three bytes a pixel.
  private func interleave(_ records: [UInt8], to output: UnsafeMutablePointer<UInt8>) {
    records.withUnsafeBufferPointer { input in
      guard let input = input.baseAddress else { return }
      for index in 0..<records.count / recordSize {
        let planes = input + index * recordSize + labelBytes
        let pixels = output + index * Self.shape.count
        let plane = Self.plane
        for position in 0..<plane {
          pixels[3 * position] = planes[position]
          pixels[3 * position + 1] = planes[plane + position]
          pixels[3 * position + 2] = planes[2 * plane + position]
        }
      }
    }
  }
}
