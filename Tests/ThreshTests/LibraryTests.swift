import Foundation
import Synchronization
import Testing
import Thresh

/// What a program writes that imports Thresh.
struct LibraryTests {
  private static func data() throws -> Dataset {
    try Glyphs(train: 720, test: 72).dataset().holdingOut(0.1, seed: 0)
  }

  @Test func `a plan changes nothing, and compressing by it gives what it says`() throws {
    let data = try Self.data()
    let model = try Model("dec3", for: data)
    let before = try model.network.cost()
    let plan = try model.plan(.macs(0.5), using: data)
    #expect(try model.network.cost() == before)
    #expect("\(plan)".contains("MACs") && plan.activationImages != nil)
    let small = try model.compressed(by: plan, using: data)
    let cost = try small.network.cost()
    #expect(cost.macs == plan.predicted.macs && cost.macs * 2 <= before.macs)
  }

  @Test func `without labels a compact network learns to give what the network gave that it was made of`() throws {
    let labelled = try Self.data()
    let original = try Model("lenet5", for: labelled).trained(on: labelled, .ordinary(epochs: 2))
    var images = labelled
    (images.hasLabels, images.classNames) = (false, [])
    let cut = try original.plan(.macs(0.5), using: images)
    let compact = try original.compressed(by: cut, using: images)
    #expect(throws: RecipeError.self) { try compact.trained(on: images, .finetuning(epochs: 1)) }
    #expect(throws: RecipeError.self) { try compact.trained(on: images, .ordinary(epochs: 1)) }
    let tuned = try compact.trained(on: images, .finetuning(epochs: 2, teacher: original))
    let (before, after) = try (compact.accuracy(on: images, like: original), tuned.accuracy(on: images, like: original))
    #expect(after.loss < before.loss && after.top1 == nil)
    #expect(try original.accuracy(on: images, like: original).relativeError == 0)
  }

  @Test func `a plan that was made by images is refused without them`() throws {
    let data = try Self.data()
    let model = try Model("dec3", for: data)
    let plan = try model.plan(.macs(0.5), using: data)
    #expect(throws: PlanError.self) { try model.compressed(by: plan) }
  }

  @Test func `training tells its epochs and leaves no folder behind`() throws {
    let data = try Self.data()
    let lines = Mutex<[String]>([])
    let before = try FileManager.default.contentsOfDirectory(atPath: FileManager.default.temporaryDirectory.path)
    let trained = try Model("lenet5", for: data).trained(on: data, .ordinary(epochs: 1)) { event in
      lines.withLock { $0.append("\(event)") }
    }
    let after = try FileManager.default.contentsOfDirectory(atPath: FileManager.default.temporaryDirectory.path)
    // Other tests that train at the same time have folders too; those go, one that was left behind stays.
    var left = Set(after).subtracting(before).filter {
      $0.hasPrefix("thresh-") && UUID(uuidString: String($0.dropFirst("thresh-".count))) != nil
    }
    let end = ContinuousClock.now + .seconds(300)
    while !left.isEmpty, ContinuousClock.now < end {
      usleep(100_000)
      left = left.filter {
        FileManager.default.fileExists(atPath: FileManager.default.temporaryDirectory.path + "/" + $0)
      }
    }
    #expect(left.isEmpty)
    #expect(lines.withLock { $0.contains { $0.hasPrefix("train 1/1") } })
    #expect(try trained.accuracy(on: data).images == 72)
  }

  @Test func `predictions tell for every image what the accuracy tells of all`() throws {
    let data = try Self.data()
    let model = try Model("lenet5", for: data)
    let found = try model.predictions(on: data.test, top: 3)
    let whole = try model.accuracy(on: data.test)
    #expect(found.accuracy.top1 == whole.top1 && abs(found.accuracy.loss - whole.loss) < 1e-9)
    #expect(found.candidates.allSatisfy { $0.count == 3 && $0[0].probability >= $0[1].probability })
    #expect(found.accuracy(top: 36) == 100 && found.accuracy(top: 5) >= found.accuracy(top: 1))
    let matrix = ConfusionMatrix(found, classNames: data.classNames)
    #expect(matrix.counts.joined().reduce(0, +) == data.test.count)
  }

  @Test func `training for compression reaches the size asked for`() throws {
    let data = try Self.data()
    let model = try Model("dec3", for: data)
    let small = try model.trained(on: data, .compressing(to: .parameters(0.3), epochs: 2))
    #expect(try Double(small.network.cost().parameters) <= 0.3 * Double(model.network.cost().parameters))
  }

  @Test func `a file that names no kind is refused, and one that does is read back`() throws {
    let data = try Self.data()
    let model = try Model("lenet5", for: data)
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(throws: OutputError.self) { try model.export(to: folder.path + "/small.tflite") }
    for name in ["small.onnx", "small.py", "small.safetensors", "small.mlpackage"] {
      let files = try model.export(to: folder.path + "/" + name)
      #expect(files.allSatisfy { FileManager.default.fileExists(atPath: $0.path) })
    }
    let back = try Model(folder.path + "/small.onnx", for: data)
    #expect(back.classNames == data.classNames)
  }

  @Test func `a run in a folder leaves a model that is read by the folder's name`() throws {
    let data = try Self.data()
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    var recipe = Recipe()
    (recipe.training.epochs, recipe.regularizer.nuclear, recipe.regularizer.group) = (1, 0, 0)
    let outcome = try Session(recipe, in: folder).run(from: Model("lenet5", for: data), on: data)
    #expect(try Model(folder.path, for: data).network.cost() == outcome.model.network.cost())
  }

  @Test func `libraries leave the threads of their host alone`() throws {
    let data = try Self.data()
    let threads = Library.threads
    _ = try Model("lenet5", for: data).accuracy(on: data.test)
    #expect(Library.threads == threads)
  }
}
