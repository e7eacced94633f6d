import Compaction
import Containers
import Foundation
import Reports
import Yams

extension Recipe {
  /// The keys of the file, spelt as the options of the command line.
  public enum CodingKeys: String, CodingKey, CaseIterable {
    case model, width, decompose
    case restoreBatchNorm = "restore-batch-norm"
    case weights
    case newHead = "new-head"
    case data
    case dataDir = "data-dir"
    case skipBroken = "skip-broken"
    case validation, epochs
    case finetuneEpochs = "finetune-epochs"
    case batchSize = "batch-size"
    case optimizer, lr, momentum, nesterov
    case weightDecay = "weight-decay"
    case finetuneWeightDecay = "finetune-weight-decay"
    case schedule
    case warmupEpochs = "warmup-epochs"
    case labelSmoothing = "label-smoothing"
    case teacher, distillation, temperature
    case nuclear, group, sparsity
    case groupNorm = "group-norm"
    case order, scale
    case proximalEvery = "proximal-every"
    case skip, strengths
    case restoreNorm = "restore-norm"
    case strengthWarmup = "strength-warmup"
    case steer
    case compactAt = "compact-at"
    case compactEnergy = "compact-energy"
    case compactMomentum = "compact-momentum"
    case energy
    case energyMeasure = "energy-measure"
    case parameters, macs, time
    case timeBatchSize = "time-batch-size"
    case timePrecision = "time-precision"
    case scheme, basis
    case units, allocation
    case minRank = "min-rank"
    case minUnits = "min-units"
    case precision, device, threads, seed, crop, flip, mean, std
    case outputName = "output-name"
    case imageSize = "image-size"
    case imageResize = "image-resize"
  }

  public init(from decoder: any Decoder) throws {
    self.init()
    let values = try decoder.container(keyedBy: CodingKeys.self)
    func read<Value: Decodable>(_ key: CodingKeys, _ target: inout Value) throws {
      if let value = try values.decodeIfPresent(Value.self, forKey: key) { target = value }
    }
    func readOptional<Value: Decodable>(_ key: CodingKeys, _ target: inout Value?) throws {
      target = try values.decodeIfPresent(Value.self, forKey: key)
    }
    try read(.model, &model)
    try read(.width, &width)
    try read(.decompose, &decompose)
    try readOptional(.restoreBatchNorm, &restoreBatchNorm)
    try readOptional(.weights, &weights)
    try read(.newHead, &newHead)
    try read(.data, &data)
    try readOptional(.dataDir, &dataDir)
    try read(.skipBroken, &skipBroken)
    try read(.validation, &validation)
    try read(.epochs, &epochs)
    try read(.finetuneEpochs, &finetuneEpochs)
    try read(.batchSize, &batchSize)
    if let optimizer = try values.decodeIfPresent(TrainingOptions.Optimizer.self, forKey: .optimizer) {
      adopt(optimizer)
    }
    try readOptional(.lr, &lr)
    try read(.momentum, &momentum)
    try read(.nesterov, &nesterov)
    try read(.weightDecay, &weightDecay)
    try readOptional(.finetuneWeightDecay, &finetuneWeightDecay)
    try read(.schedule, &schedule)
    try read(.warmupEpochs, &warmupEpochs)
    try read(.labelSmoothing, &labelSmoothing)
    try readOptional(.teacher, &teacher)
    try read(.distillation, &distillation)
    try read(.temperature, &temperature)
    try readOptional(.nuclear, &nuclear)
    try readOptional(.group, &group)
    try read(.sparsity, &sparsity)
    try read(.groupNorm, &groupNorm)
    try read(.order, &order)
    try read(.scale, &scale)
    try read(.proximalEvery, &proximalEvery)
    try readOptional(.skip, &skip)
    try read(.strengths, &strengths)
    try read(.restoreNorm, &restoreNorm)
    try readOptional(.strengthWarmup, &strengthWarmup)
    try readOptional(.steer, &steer)
    try read(.compactAt, &compactAt)
    try readOptional(.compactEnergy, &compactEnergy)
    try read(.compactMomentum, &compactMomentum)
    try read(.energy, &energy)
    try read(.energyMeasure, &energyMeasure)
    try readOptional(.parameters, &parameters)
    try readOptional(.macs, &macs)
    try readOptional(.time, &time)
    try read(.timeBatchSize, &timeBatchSize)
    try read(.timePrecision, &timePrecision)
    try readOptional(.scheme, &scheme)
    try readOptional(.basis, &basis)
    try read(.units, &units)
    try readOptional(.allocation, &allocation)
    try read(.minRank, &minRank)
    try read(.minUnits, &minUnits)
    try read(.precision, &precision)
    try read(.device, &device)
    try readOptional(.threads, &threads)
    try read(.seed, &seed)
    try readOptional(.crop, &crop)
    try readOptional(.flip, &flip)
    try readOptional(.mean, &mean)
    try readOptional(.std, &std)
    try readOptional(.outputName, &outputName)
    try readOptional(.imageSize, &imageSize)
    try readOptional(.imageResize, &imageResize)
  }

  /// The recipe as YAML, every key with its value.
  public func yaml() throws -> String {
    let lines = try YAMLEncoder().encode(self).split(separator: "\n", omittingEmptySubsequences: false)
    return lines.map(Self.plainNumber).joined(separator: "\n")
  }

  /// The encoder writes 0.1 as 1e-1; people write 0.1.
  private static func plainNumber(_ line: Substring) -> String {
    guard let colon = line.firstRange(of: ": "), let number = Double(line[colon.upperBound...]),
      line[colon.upperBound...].contains("e")
    else { return String(line) }
    return line[..<colon.upperBound] + "\(number)"
  }

  /// Reads a recipe; what it leaves out has its default.
  ///
  /// - Throws: `RecipeError` for a file that is no YAML, has an unknown key (naming the nearest) or a wrong value.
  public init(contentsOf file: URL) throws {
    let name = file.lastPathComponent
    guard let size = try? file.resolvingSymlinksInPath().resourceValues(forKeys: [.fileSizeKey]).fileSize else {
      throw RecipeError("recipe \(file.path) cannot be found; name a YAML file")
    }
    // A recipe is a page of text; anything larger would only keep the parser busy.
    guard size <= 1 << 16 else { throw RecipeError("recipe \(name) has \(size) bytes, expected at most 65536") }
    let text: String
    do {
      text = try String(contentsOf: file, encoding: .utf8)
    } catch {
      throw RecipeError("recipe \(name) cannot be read as UTF-8 text; check the file and its permissions")
    }
    try self.init(yaml: text, name: name)
  }

  public init(yaml text: String, name: String) throws {
    guard !text.contains("*") || !text.contains("&") else {
      throw RecipeError("recipe \(name) uses YAML anchors, which recipes do not need; write the values out")
    }
    let node: Node?
    do {
      node = try Yams.compose(yaml: text)
    } catch {
      throw RecipeError("recipe \(name) is no YAML: \(Self.firstLine(of: error))")
    }
    guard let node else {
      self.init()
      return
    }
    guard let mapping = node.mapping else { throw RecipeError("recipe \(name) is no list of `key: value` lines") }
    let known = CodingKeys.allCases.map(\.rawValue)
    for key in mapping.keys {
      let word = key.string ?? "?"
      guard !known.contains(word) else { continue }
      let hint = Suggestion.nearest(to: word, among: known).map { "did you mean \($0)?" } ?? "check the spelling"
      throw RecipeError("recipe \(name) has an unknown key \(word); \(hint)")
    }
    do {
      self = try YAMLDecoder().decode(Recipe.self, from: node)
    } catch let DecodingError.dataCorrupted(context) {
      throw RecipeError("recipe \(name): \(Self.path(context)) \(context.debugDescription)")
    } catch let DecodingError.typeMismatch(type, context) {
      throw RecipeError("recipe \(name): \(Self.path(context)) is not of type \(type)")
    } catch {
      throw RecipeError("recipe \(name) cannot be read: \(Self.firstLine(of: error))")
    }
  }

  private static func path(_ context: DecodingError.Context) -> String {
    context.codingPath.map(\.stringValue).joined(separator: ".")
  }

  private static func firstLine(of error: any Error) -> String {
    "\(error)".split(separator: "\n").prefix(2).joined(separator: " ")
  }
}
