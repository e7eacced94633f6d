import Foundation
import Reports
import Thresh

/// A run or a model that a report tells of, with what its files say.
struct ReportSubject {
  var name: String
  /// Of a run, or of the fine-tuning of a model that `compress` wrote.
  let history: RunHistory?
  /// The model of a run, as far as it has one.
  let model: Model?
  let plan: Plan?
  /// Whether it is a run, and one that has not ended.
  let isRun: Bool
  let goesOn: Bool

  /// - Throws: `ContainerError`, `NetworkError` when nothing is there, or it cannot be read.
  init(_ path: String) throws {
    let url = URL(filePath: path)
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    name = url.standardizedFileURL.lastPathComponent
    isRun = exists && isFolder.boolValue
    if isRun {
      let folder = RunFolder(URL(filePath: path, directoryHint: .isDirectory))
      let run = try RunHistory(folder)
      (history, goesOn) = (run, run.result == nil)
      // What a run that goes on has written may be a network that is not the result.
      model = try folder.model.map { try ModelSource($0.path, weights: nil).load(ReadingOptions()) }
    } else {
      model = try ModelSource(path, weights: nil).load(ReadingOptions())
      let tuning = RunFolder(URL(filePath: path + ".finetune", directoryHint: .isDirectory))
      history = try? RunHistory(tuning)
      goesOn = false
    }
    plan = try model?.plan.map { try Plan(json: Data($0.utf8), named: path) }
  }

  private func figure(_ key: String) -> Double? { model?.figures[key] }

  /// Percent, on the test images.
  var top1: Double? { history?.result?.test.top1 ?? figure("top1") }
  var relativeError: Double? { history?.result?.test.relativeError ?? figure("relativeError") }
  var epochs: Int? { history?.epochs.last?.number }

  /// Parameters and MACs, before and after.
  var cost: (before: Size, after: Size)? {
    if let result = history?.result {
      return (Size(result.denseParameters, result.denseMacs), Size(result.parameters, result.macs))
    }
    guard let own = try? model?.network.cost() else { return nil }
    let after = Size(own.parameters, own.macs)
    guard let parameters = figure("denseParameters"), let macs = figure("denseMacs") else {
      return (plan.map { Size($0.original.parameters, $0.original.macs) } ?? after, after)
    }
    return (Size(Int(parameters), Int(macs)), after)
  }

  struct Size: Encodable {
    var parameters: Int
    var macs: Int

    init(_ parameters: Int, _ macs: Int) { (self.parameters, self.macs) = (parameters, macs) }
  }

  /// The layers: of the plan, else as the last epoch found them, else as they stand.
  var layers: NetworkPicture {
    if let plan {
      return NetworkPicture(
        plan.layers.map { layer in
          NetworkPicture.Layer(
            name: layer.name, unitsBefore: layer.unitsBefore, units: layer.units, rank: layer.form.rank,
            words: layer.inWords)
        })
    }
    if let last = history?.epochs.last?.metrics.layers {
      return NetworkPicture(
        last.map { layer in
          let full = min(layer.units, layer.singularValues.count)
          return NetworkPicture.Layer(
            name: layer.name, unitsBefore: layer.units, units: layer.activeUnits,
            rank: layer.plannedRank < full ? layer.plannedRank : nil,
            words: "rank \(layer.plannedRank) of \(full) keeps the energy")
        })
    }
    return NetworkPicture(
      (model?.network.matrixLayers ?? []).map { layer in
        NetworkPicture.Layer(
          name: layer.name, unitsBefore: layer.units, units: layer.units, rank: nil,
          words: layer.isFactorized ? "in factors" : "")
      })
  }
}

extension Form {
  fileprivate var rank: Int? { if case .lowRank(_, let rank) = self { rank } else { nil } }
}

extension Plan.Layer {
  /// What becomes of the layer, and why.
  var inWords: String {
    switch form {
    case .dense: "stays dense" + (reason.map { ": \($0)" } ?? "")
    case .lowRank(let decomposition, _):
      "becomes \(decomposition.kernels), keeps \(energy.formattedPercent(decimals: 1)) "
        + "of the energy"
    }
  }
}
