import Datasets
import Foundation
import Interchange
import Networks
import Training

extension Dataset {
  /// A data set by its name, such as `cifar10`, or a folder of images, with a tenth of its training images held out for
  /// everything that is selected. A known set that is nowhere on this machine is fetched.
  ///
  /// What a person should know of how it was read is in `notes`.
  ///
  /// - Parameters:
  ///   - folder: the folder where the set has to lie; nil searches `THRESH_DATA` and the user's cache.
  ///   - validation: the share that is held out; 0 holds out none.
  ///   - imageSize: the side of the square that photographs are cut to.
  ///   - seed: of the choice of what is held out.
  /// - Throws: `DatasetError`.
  public init(
    _ name: String, in folder: String? = nil, validation: Double = 0.1, imageSize: Int = 224, seed: UInt64 = 0
  ) throws {
    var recipe = Recipe()
    (recipe.data.name, recipe.data.dataDir, recipe.data.validation) = (name, folder, validation)
    (recipe.data.imageSize, recipe.training.seed) = (imageSize, seed)
    try recipe.validate()
    self = try recipe.dataset()
  }
}

extension Dataset {
  /// A folder of images without labels, at any depth, as a model wants them: a tenth is set apart for testing, another
  /// held out for everything that is selected.
  ///
  /// - Parameters:
  ///   - folder: where the images are.
  ///   - model: which decides their size and normalisation.
  ///   - seed: of the choice of what is held out.
  /// - Throws: `DatasetError`.
  public init(unlabelled folder: String, for model: Model, seed: UInt64 = 0) throws {
    var recipe = Recipe()
    (recipe.data.images, recipe.training.seed) = (folder, seed)
    self = try recipe.dataset(for: model.preprocessing).prepared(for: model)
  }
}

extension Recipe {
  /// The data set of this recipe, split and augmented as it says, normalised with its own statistics.
  ///
  /// - Parameters:
  ///   - preprocessing: of the model it is for, if that is known; it decides how photographs are cut.
  ///   - parts: which photographs are wanted.
  ///   - observe: told how far the look at the files has come, where it takes long.
  package func dataset(
    for preprocessing: Preprocessing? = nil, parts: ImageFolder.Reading.Parts = .all,
    observe: @escaping RunObserver = { _ in }
  ) throws -> Dataset {
    let settings = self.data
    if let folder = settings.images { return try unlabelled(folder, for: preprocessing, observe: observe) }
    var finder = DatasetFinder(
      dataDirectory: settings.dataDir, environment: ProcessInfo.processInfo.environment, fetches: true)
    let size = settings.imageSize ?? 224
    finder.photographs =
      preprocessing?.photographs(resize: settings.imageResize, pads: settings.noCrop)
      ?? ImageFolder.Options(size: size, resize: settings.imageResize ?? ImageFolder.Options.usualResize(for: size))
    finder.reading.parts = parts
    finder.reading.broken = settings.skipBroken ? .leftOut : .refused
    finder.reading.testShare = settings.testShare
    let progress = CheckProgress(observe)
    finder.reading.progress = { progress.show($0, $1) }
    defer { progress.end() }
    var data = try advising { () throws(DatasetError) in try finder.load(settings.name) }
    if let resize = settings.imageResize, !data.hasPhotographs {
      throw RecipeError(
        "`image-resize` is \(resize), but the images of \(data.name) all have the network's size; leave it out")
    }
    if preprocessing == nil, var mean = settings.mean, var std = settings.std {
      if mean.count == 1 { mean = Array(repeating: mean[0], count: data.shape.channels) }
      if std.count == 1 { std = Array(repeating: std[0], count: data.shape.channels) }
      guard mean.count == data.shape.channels, std.count == data.shape.channels else {
        throw RecipeError("`mean` has \(mean.count) values, but the images have \(data.shape.channels) channels")
      }
      data.normalization = Normalization(mean: mean, std: std)
    }
    return try varied(data)
  }

  /// The data set augmented, loaded and split as the recipe says.
  private func varied(_ data: Dataset) throws -> Dataset {
    var data = data
    augmentation.apply(to: &data.augmentation)
    data.workers = workers
    return self.data.validation > 0 ? try data.holdingOut(self.data.validation, seed: training.seed) : data
  }

  private func unlabelled(
    _ folder: String, for preprocessing: Preprocessing?, observe: @escaping RunObserver
  ) throws -> Dataset {
    guard let preprocessing else {
      throw RecipeError("`images` have no labels, and training from the start needs some; name a data set with `data`")
    }
    let progress = CheckProgress(observe)
    defer { progress.end() }
    let reading = reading(telling: progress)
    let options = preprocessing.photographs(resize: data.imageResize, pads: data.noCrop)
    return try varied(
      advising { () throws(DatasetError) in
        try Dataset.unlabelled(at: [folder], share: data.testShare, options: options, reading: reading)
      })
  }
}

extension Recipe {
  /// How images without classes are looked at.
  private func reading(telling progress: CheckProgress) -> ImageFolder.Reading {
    var reading = ImageFolder.Reading()
    reading.broken = data.skipBroken ? .leftOut : .refused
    reading.progress = { progress.show($0, $1) }
    return reading
  }

  /// Photographs without classes, by paths of files and folders, as a model wants them, and what was left out.
  ///
  /// - Throws: `DatasetError`.
  package func photographs(
    at paths: [String], for preprocessing: Preprocessing, observe: @escaping RunObserver = { _ in }
  ) throws -> (images: ImageFolder, notes: [String]) {
    let progress = CheckProgress(observe)
    defer { progress.end() }
    let reading = reading(telling: progress)
    let options = preprocessing.photographs(resize: data.imageResize, pads: data.noCrop)
    var isFolder: ObjCBool = false
    let isOneFile =
      paths.count == 1 && FileManager.default.fileExists(atPath: paths[0], isDirectory: &isFolder)
      && !isFolder.boolValue
    // A single image cannot be left out.
    return try advising(ofSeveral: !isOneFile) { () throws(DatasetError) in
      try ImageFolder.photographs(at: paths, options: options, reading: reading)
    }
  }
}

/// What a reader of images gives, its refusal of broken ones with the advice to leave them out.
private func advising<Value>(
  ofSeveral several: Bool = true, _ read: () throws(DatasetError) -> Value
) throws -> Value {
  do {
    return try read()
  } catch {
    switch error {
    case .brokenImages, .undecodable:
      guard several else { throw error }
      throw DatasetError.badOption("\(error), or leave such images out with `skip-broken`")
    default: throw error
    }
  }
}

/// The look at the files as a part of the job, once it has taken two seconds; unchecked, since the loader calls it from
/// one thread at a time.
private final class CheckProgress: @unchecked Sendable {
  private let observe: RunObserver
  private let started = ContinuousClock.now
  private var shown: Int?

  init(_ observe: @escaping RunObserver) { self.observe = observe }

  func show(_ done: Int, _ total: Int) {
    guard started.duration(to: .now) > .seconds(2) else { return }
    if shown == nil { observe(.began(part: "checking images", count: total, unit: "images")) }
    observe(.advanced(done - (shown ?? 0)))
    shown = done
  }

  func end() { if shown != nil { observe(.ended) } }
}

extension Dataset {
  /// The data set as `model` wants its images, with its classes in the model's order. `notes` say what was assumed.
  ///
  /// - Parameter allowsSubset: whether it may have only some of the model's classes.
  /// - Throws: `NetworkError` when shape or classes do not fit.
  public func prepared(for model: Model, allowsSubset: Bool = false) throws -> Dataset {
    let found = [shape.channels, shape.height, shape.width]
    guard found == model.network.inputShape else {
      throw NetworkError(
        """
        the model reads images of \(model.network.inputShape) (channels × height × width), but those of \(name) are \
        \(found); choose another data set or train a model for it
        """)
    }
    let normalization = Normalization(mean: model.preprocessing.mean, std: model.preprocessing.std)
    guard hasLabels else {
      var result = self
      result.normalization = normalization
      return result
    }
    try model.requireClasses()
    let outputs = try model.network.validate()[model.network.output] ?? []
    var result = try matchingClasses(of: model, outputs: outputs[0], allowsSubset: allowsSubset)
    result.normalization = normalization
    return result
  }
}

extension Model {
  /// - Throws: `NetworkError` when the network tells no classes apart.
  func requireClasses() throws {
    guard classNames.isEmpty else { return }
    let given = try outputs().map(\.description).joined(separator: ", ")
    throw NetworkError("the model tells no classes apart, it gives \(given); compress it with `images`, without labels")
  }

  /// Takes from a data set what the file did not say, as those of other programs: names of classes, size of
  /// photographs.
  package mutating func adoptDescription(of data: Dataset) {
    if !namesClasses, data.classNames.count == classNames.count { classNames = data.classNames }
    // Photographs were resized as the model says, unless something else was asked for.
    preprocessing.resize = data.hasPhotographs ? data.resize : preprocessing.resize ?? data.resize
    if data.pads { preprocessing.pads = true }
  }
}

extension Dataset {
  /// What the shorter side of an image was resized to before the middle was cut out; other images than photographs come
  /// in the size of the input.
  var resize: Int { (test as? ImageFolder)?.options.resize ?? shape.height }
  var hasPhotographs: Bool { test is ImageFolder }
  /// Whether photographs were made to fit, and nothing cut away.
  var pads: Bool { (test as? ImageFolder)?.options.pads ?? false }
}

extension Preprocessing {
  /// How photographs become images for the network.
  ///
  /// - Parameters:
  ///   - given: the shorter side; nil is what the model says, or in the usual proportion.
  ///   - pads: whether nothing is cut away, where the model does not say.
  package func photographs(resize given: Int? = nil, pads: Bool = false) -> ImageFolder.Options {
    ImageFolder.Options(
      height: height, width: width,
      resize: given ?? resize ?? ImageFolder.Options.usualResize(for: min(height, width)), channels: channels,
      pads: self.pads ?? pads)
  }
}

extension ImageFolder.Options {
  /// A shorter side that leaves the margin of torchvision: 256 for 224.
  static func usualResize(for size: Int) -> Int { max(size, size * 256 / 224) }
}
