import Compaction
import Foundation
import Networks
import Testing

@testable import Training

struct StrengthControllerTests {
  /// A size that falls with the pressure as it is felt `lag` looks later, once the pressures' sum is above `idle`.
  private func simulated(answering speed: Double, lag: Double, idle: Double) -> Double {
    var controller = StrengthController(target: 0.1)
    var (size, felt, sum) = (0.85, 0.0, 0.0)
    for look in 0..<80 {
      felt += (controller.strength - felt) / lag
      sum += felt
      if sum > idle { size *= exp(-speed * felt) }
      controller.observe(size, at: Double(look + 1) / 80)
    }
    return size
  }

  @Test(arguments: [0.02, 0.04, 0.1], [(1.0, 0.0), (5, 0), (5, 10)])
  func `the target size is reached and hardly undercut, however the network answers`(
    speed: Double, delay: (lag: Double, idle: Double)
  ) {
    let size = simulated(answering: speed, lag: delay.lag, idle: delay.idle)
    #expect(size < 0.12 && size > 0.08, "\(size)")
  }

  @Test func `the scheduled size falls from that of the start to the target and stays there`() {
    var controller = StrengthController(target: 0.1)
    controller.observe(0.4, at: 0)
    #expect(abs(controller.scheduled(at: 0) - 0.4) < 1e-12)
    let sizes = stride(from: 0, through: 1, by: 0.1).map(controller.scheduled)
    #expect(zip(sizes, sizes.dropFirst()).allSatisfy { $0 >= $1 })
    #expect(abs(controller.scheduled(at: StrengthController.arrival) - 0.1) < 1e-12)
    #expect(abs(controller.scheduled(at: 1) - 0.1) < 1e-12)
  }

  @Test func `a controller from an older checkpoint is read`() throws {
    let json = #"{"wished": 0.1, "start": 0.9, "size": 0.5, "factor": 1.5, "rests": false}"#
    let controller = try JSONDecoder().decode(StrengthController.self, from: Data(json.utf8))
    #expect(controller.target == 0.1 && controller.start == 0.9 && controller.factor == 1.5)
  }

  @Test func `next to nothing is pressed where the target is met or about to be`() {
    var controller = StrengthController(target: 0.1)
    controller.observe(0.8, at: 0)
    controller.observe(0.75, at: 0.1)
    #expect(!controller.rests)
    // A third lost since the last look: four more of these would be far below the target.
    controller.observe(0.5, at: 0.2)
    #expect(controller.rests && controller.strength < 0.1)
    controller.observe(0.49, at: 0.3)
    #expect(!controller.rests && controller.strength == controller.factor)
    controller.observe(0.1, at: 0.4)
    #expect(controller.rests)
  }

  @Test func `the strength stays within its bounds`() {
    var controller = StrengthController(target: 0.01)
    for look in 0..<200 { controller.observe(1, at: min(1, Double(look) / 20)) }
    #expect(controller.factor == StrengthController.bounds.upperBound)
    for _ in 0..<200 { controller.observe(0.011, at: 0) }
    #expect(controller.factor == StrengthController.bounds.lowerBound)
  }

  @Test(arguments: [0.03, 0.06])
  func `a training arrives at the target size whatever the strength it begins with`(strength: Double) throws {
    let folder = try TemporaryFolder()
    let data = drawnData(training: 640)
    var options = options(
      epochs: 12, rate: 0.05,
      regularizer: Regularizer(nuclear: strength, group: strength, groupNorm: .scale, frequency: .steps(2)))
    options.sizeTarget = SizeTarget(Target.Fractions(parameters: 0.35), energy: 0.9)
    var trainer = Trainer(options, data, try model(smallNetwork(), of: data), in: RunFolder(folder.url))
    var sizes: [Double] = []
    trainer.observe = { event in
      if case .evaluated(let metrics) = event { sizes.append(metrics.predictedSize ?? .nan) }
    }
    let network = try trainer.train(resume: false)
    let last = try #require(sizes.last)
    #expect(last < 0.42 && last > 0.25, "\(sizes)")
    #expect(try (network.accuracy(on: data.test, of: data).top1 ?? 0) > 80)
  }
}
