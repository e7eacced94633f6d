import Foundation
import Training

/// One line from the driver.
enum Question {
  case prepare(Task)
  case run

  /// - Throws: `DecodingError`, `BenchmarkError`.
  init(_ line: Data) throws {
    struct Kind: Decodable {
      var task: String?
      var run: Bool?
    }
    let kind = try JSONDecoder().decode(Kind.self, from: line)
    guard kind.task == nil else {
      self = .prepare(try JSONDecoder().decode(Task.self, from: line))
      return
    }
    guard kind.run == true else { throw BenchmarkError("expected a task or run: true") }
    self = .run
  }
}

/// What a worker is prepared for.
struct Task: Decodable {
  enum Kind: String, Decodable {
    case trainStep = "train_step"
    case regularizedStep = "regularized_step"
    case epoch
    case proximalStep = "proximal_step"
    case plan
    case planOverLayers = "plan_over_layers"
    case load
    case forward
  }

  enum Source: String, Decodable { case memory, fixed }

  var task: Kind
  var model: String
  var precision: TrainingOptions.Precision
  var batch: Int
  var threads: Int
  /// cpu, which nil is too, or cuda: where a training runs.
  var device: String?
  /// Height and width of made-up images; nil is 32.
  var image: Int?
  /// Of train_step, regularized_step and forward: how many steps, or forward passes, one run makes.
  var steps: Int?
  /// Of regularized_step: after how many steps both proximal operators are applied.
  var every: Int?
  /// Of epoch: how many images it has, the folder of CIFAR-10, and how images come to the network.
  var images: Int?
  var data: String?
  var source: Source?
  /// Of plans and load: layers, or MiB; of proximal_step: units of one layer, or nil for the model.
  var size: Int?
  /// Of forward, and of train_step instead of a new network: the model file.
  var file: String?
}

/// One line to the driver; what does not apply is left out.
struct Answer: Encodable {
  var ready: Bool?
  var framework: String?
  var optimizer: String?
  var seconds: Double?
  var rss_mb: Double?
  var peak_rss_mb: Double?
  var error: String?
}
