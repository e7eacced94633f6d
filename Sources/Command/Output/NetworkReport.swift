import Foundation
import Reports
import Thresh

/// The page that `thresh report` writes.
struct NetworkReport {
  let subjects: [ReportSubject]
  /// Seconds after which the page of a run that goes on loads itself again.
  let interval: Int

  init(_ subjects: [ReportSubject], refreshing interval: Int) {
    (self.subjects, self.interval) = (subjects, interval)
  }

  var goesOn: Bool { subjects.contains(where: \.goesOn) }

  func page() throws -> ReportPage {
    let names = subjects.map(\.name).joined(separator: ", ")
    var sections: [ReportPage.Section] = []
    if subjects.count > 1 { sections += comparison }
    for (index, subject) in subjects.enumerated() {
      if subjects.count > 1 { sections.append(.heading(subject.name)) }
      sections += self.sections(of: subject, id: "layer-\(index)")
    }
    return ReportPage(
      title: names, subtitle: "\(state) · thresh \(ThreshCommand.configuration.version), libtorch \(Library.version)",
      sections: sections, json: try ReadableJSON.text(Figures(subjects)), refresh: goesOn ? interval : nil)
  }

  private var state: String {
    let running = subjects.filter(\.goesOn)
    guard !running.isEmpty else { return subjects.contains(where: \.isRun) ? "ended" : "as in the file" }
    let epochs = running.compactMap { subject in subject.epochs.map { "\(subject.name) after epoch \($0)" } }
    return "not ended: \(epochs.joined(separator: ", "))"
  }

  // MARK: One run or model

  private func sections(of subject: ReportSubject, id: String) -> [ReportPage.Section] {
    var sections: [ReportPage.Section] = [.cards(cards(of: subject))]
    let layers = subject.layers
    if !layers.layers.isEmpty {
      sections += [.heading("Layers"), .network(layers, id: id), .table(table(of: subject, layers), id: id)]
    }
    if let run = subject.history {
      // While a compact network is fine-tuned its size stays.
      sections += [
        .heading("Epochs"), .plots(subject.isRun ? RunPlots.curves(of: run) : RunPlots.learning(of: run)),
      ]
      if subject.isRun, let ranks = RunPlots.ranks(of: run) { sections.append(.map(ranks)) }
    }
    if let recipe = subject.model?.recipe {
      sections += [
        .heading("Repeat it"),
        .text("Save this as recipe.yaml, then: thresh train --recipe recipe.yaml --output again"),
        .listing(ReportPage.Listing("recipe.yaml", recipe)),
      ]
    }
    if let plan = subject.model?.plan {
      sections.append(.listing(ReportPage.Listing("plan.json, for thresh compress --plan", plan)))
    }
    return sections
  }

  private func cards(of subject: ReportSubject) -> [ReportPage.Card] {
    var cards: [ReportPage.Card] = []
    func percent(_ value: Double) -> String { (value / 100).formattedPercent(decimals: 2) }
    if let stage = subject.history?.result?.stages.first, let top1 = stage.accuracy.top1, subject.top1 != nil {
      cards.append(.init(percent(top1), "top-1 before, on held-out images"))
    }
    if let top1 = subject.top1 { cards.append(.init(percent(top1), "top-1 on test images")) }
    if let error = subject.relativeError {
      cards.append(.init(error.formattedPercent(decimals: 1), "relative error of the outputs"))
    }
    if let (before, after) = subject.cost {
      func size(_ name: String, _ key: KeyPath<ReportSubject.Size, Int>) {
        let (old, new) = (before[keyPath: key], after[keyPath: key])
        let share = (Double(new) / Double(max(1, old))).formattedPercent(decimals: 1)
        cards.append(.init(share, "of the \(name): \(old.formattedCount) → \(new.formattedCount)"))
      }
      size("parameters", \.parameters)
      size("MACs", \.macs)
    }
    if let time = subject.plan?.time {
      let measured = time.measured.map { ($0.share, "of the time, measured in \($0.runtime)") }
      let (share, name) = measured ?? (time.predicted / time.original, "of the time, as planned")
      cards.append(.init(share.formattedPercent(decimals: 1), "\(name) for \(time.conditions.description)"))
    }
    if let epochs = subject.epochs { cards.append(.init("\(epochs)", epochs == 1 ? "epoch" : "epochs")) }
    return cards
  }

  private func table(of subject: ReportSubject, _ picture: NetworkPicture) -> ReportPage.Table {
    func count(_ value: Int?) -> ReportPage.Table.Cell {
      .number(value.map(Double.init), value.map(\.formattedCount) ?? "")
    }
    guard let plan = subject.plan else {
      return ReportPage.Table(
        columns: ["layer", "units", "active units", "rank", "what"],
        rows: picture.layers.map { layer in
          [.text(layer.name), count(layer.unitsBefore), count(layer.units), count(layer.rank), .text(layer.words)]
        })
    }
    let isTimed = plan.time != nil
    func milliseconds(_ value: Double?) -> ReportPage.Table.Cell {
      .number(value, value.map { $0.formatted(decimals: 3) } ?? "")
    }
    return ReportPage.Table(
      columns: ["layer", "units before", "units", "rank", "weights before", "weights"]
        + (isTimed ? ["ms before", "ms"] : []) + ["what and why"],
      rows: zip(plan.layers, picture.layers).map { layer, bar in
        [
          .text(layer.name), count(layer.unitsBefore), count(layer.units), count(bar.rank), count(layer.weightsBefore),
          count(layer.weights),
        ] + (isTimed ? [milliseconds(layer.millisecondsBefore), milliseconds(layer.milliseconds)] : [])
          + [.text(bar.words)]
      })
  }

  // MARK: Several

  private var comparison: [ReportPage.Section] {
    let table = ReportPage.Table(
      columns: ["run or model", "top-1 in %", "parameters", "MACs", "epochs"],
      rows: subjects.map { subject in
        let cost = subject.cost?.after
        return [
          .text(subject.name), .number(subject.top1, subject.top1.map { $0.formatted(decimals: 2) } ?? ""),
          .number(cost.map { Double($0.parameters) }, cost?.parameters.formattedCount ?? ""),
          .number(cost.map { Double($0.macs) }, cost?.macs.formattedCount ?? ""),
          .number(subject.epochs.map(Double.init), subject.epochs.map { "\($0)" } ?? ""),
        ]
      })
    let plots = [("parameters", \ReportSubject.Size.parameters), ("MACs", \.macs)].map { name, key in
      LinePlot(
        title: "top-1 over \(name)", x: LinePlot.Axis(name, scale: .logarithmic), y: LinePlot.Axis("top-1 in %"),
        series: subjects.compactMap { subject in
          guard let top1 = subject.top1, let size = subject.cost?.after else { return nil }
          return LinePlot.Series(
            subject.name, [LinePlot.Point(x: Double(size[keyPath: key]), y: top1)], line: .none)
        })
    }.filter { !$0.series.isEmpty }
    return [.table(table)] + (plots.isEmpty ? [] : [.plots(plots)])
  }
}

/// What the page says, for programs.
private struct Figures: Encodable {
  struct Subject: Encodable {
    var name: String
    var top1: Double?
    var relativeError: Double?
    var before: ReportSubject.Size?
    var after: ReportSubject.Size?
    var epochs: Int?
    var ended: Bool
    var result: Session.Result?
    var plan: Plan?
  }

  var subjects: [Subject]

  init(_ subjects: [ReportSubject]) {
    self.subjects = subjects.map { subject in
      Subject(
        name: subject.name, top1: subject.top1, relativeError: subject.relativeError, before: subject.cost?.before,
        after: subject.cost?.after, epochs: subject.epochs, ended: !subject.goesOn, result: subject.history?.result,
        plan: subject.plan)
    }
  }
}
