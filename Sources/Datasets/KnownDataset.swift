/// The data sets that are known by name: where their files lie, how they are read and where they come from.
enum KnownDataset: String, CaseIterable, Sendable {
  case cifar10, cifar100
  case fashionMNIST = "fashion-mnist"
  case mnist
  case chars36

  /// The folders, below one that is searched, in which its files may lie.
  var folders: [String] {
    switch self {
    case .cifar10: ["cifar-10-batches-bin", "cifar10/cifar-10-batches-bin", "cifar10"]
    case .cifar100: ["cifar-100-binary", "cifar100/cifar-100-binary", "cifar100"]
    case .fashionMNIST: ["fashion-mnist", "FashionMNIST/raw"]
    case .mnist: ["mnist", "MNIST/raw"]
    case .chars36: ["chars36"]
    }
  }

  /// Whether `folder` has the files of this set's format.
  func isIn(_ folder: String) -> Bool {
    switch self {
    case .cifar10: sizeOfFile(folder + "/data_batch_1.bin") != nil
    case .cifar100: sizeOfFile(folder + "/train.bin") != nil && sizeOfFile(folder + "/fine_label_names.txt") != nil
    case .fashionMNIST, .mnist:
      [IDX.trainImages, IDX.trainImages + ".gz"].contains { sizeOfFile("\(folder)/\($0)") != nil }
    case .chars36: sizeOfFile(folder + "/train.bin") != nil && sizeOfFile(folder + "/classes.txt") != nil
    }
  }

  /// Whether files in `folder` may be this set's by its name; not where it is the name of another set.
  func isNamed(_ folder: String) -> Bool {
    let path = folder.split(separator: "/").joined(separator: "/")
    return !Self.allCases.contains { other in
      other != self && other.folders.contains { path == $0 || path.hasSuffix("/" + $0) }
    }
  }

  func read(_ folder: String) throws(DatasetError) -> Dataset {
    switch self {
    case .cifar10: return try PlanarRecords.cifar10(in: folder)
    case .cifar100: return try PlanarRecords.cifar100(in: folder)
    case .chars36: return try PlanarRecords.dataset(name: rawValue, in: folder)
    case .mnist:
      return try IDX.dataset(
        name: rawValue, in: folder, classNames: (0..<10).map { "\($0)" }, normalization: .mnist,
        augmentation: Augmentation(crop: .padded(2)))
    case .fashionMNIST:
      let names = [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
      ]
      return try IDX.dataset(
        name: rawValue, in: folder, classNames: names, normalization: .fashionMNIST,
        augmentation: Augmentation(crop: .padded(2), flips: true))
    }
  }

  /// A file to fetch and the SHA-256 it must have.
  struct Download: Sendable, Hashable {
    var address: String
    var sha256: String
    var name: String { address.split(separator: "/").last.map(String.init) ?? address }
  }

  /// What has to be fetched; empty for a set that is not offered for download.
  var downloads: [Download] {
    switch self {
    case .chars36: []
    case .cifar10:
      [
        Download(
          address: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
          sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd")
      ]
    case .cifar100:
      [
        Download(
          address: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
          sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec")
      ]
    case .mnist:
      Self.idxDownloads(
        from: "https://ossci-datasets.s3.amazonaws.com/mnist",
        [
          "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
          "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
          "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
          "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ])
    case .fashionMNIST:
      Self.idxDownloads(
        from: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        [
          "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
          "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
          "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
          "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ])
    }
  }

  private static func idxDownloads(from server: String, _ sums: [String]) -> [Download] {
    let names = [
      "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
      "t10k-labels-idx1-ubyte.gz",
    ]
    return zip(names, sums).map { Download(address: "\(server)/\($0)", sha256: $1) }
  }
}
