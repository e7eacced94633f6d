import Compaction
import Datasets
import Networks
import Torch

/// What is remembered between steps beside the parameters, by parameter name.
package struct OptimizerMemory: Sendable {
  /// SGD's momenta, or AdamW's averages of the gradients.
  package var momenta: [String: Tensor] = [:]
  /// AdamW's averages of the gradients' squares.
  package var squares: [String: Tensor] = [:]
  /// Steps made.
  package var steps = 0
  /// The moving average of the parameters, and the steps that it is of; empty where none is kept.
  package var averages: [String: Tensor] = [:]
  package var averagedSteps = 0

  package init() {}
}

/// The buffers that training changes in place: parameters and momenta. Nothing else writes to a tensor.
///
/// They are cloned from the network when training starts and cloned out at a snapshot, so the network that was given
/// stays what it was.
package struct TrainingState: ~Copyable {
  private let template: Network
  private let program: Program
  /// In the order of `program.parameterNames`.
  private var parameters: [Tensor]
  private let trainable: [Int]
  /// Positions in `trainable` by the part of the rate that they learn at.
  private let rateGroups: [(scale: Double, positions: [Int])]
  /// In the order of `trainable`.
  private var momenta: [Tensor]
  /// The same for AdamW's squares; empty until its first step.
  private var squares: [Tensor]
  private var steps: Int
  /// Of the batches since the last step.
  private var gradientMean = GradientMean()
  private var weightAverage: WeightAverage?
  private let device: Device
  private let teacher: Teacher?
  /// How far it is from the teacher where images have no labels.
  private let imitation: Imitation?

  /// - Parameters:
  ///   - memory: of an earlier training; zero where there is none.
  ///   - device: where the buffers are and the steps run.
  ///   - teacher: the network that `TrainingOptions.distillation` learns from.
  ///   - original: what is learnt where images have no labels, in place of labels and teacher.
  ///   - rates: which parameters are trained, and at what part of the rate.
  package init(
    _ network: Network, memory: OptimizerMemory = OptimizerMemory(), on device: Device = .cpu, teacher: Network? = nil,
    like original: Original? = nil, rates: LayerRates = LayerRates()
  ) throws {
    let program = try Program(network, .training)
    let teacher = try (original?.network ?? teacher).map { try Teacher($0, on: device) }
    (template, self.program, self.teacher, self.device) = (network, program, teacher, device)
    imitation = original?.imitation
    let names = program.parameterNames
    let scales = rates.scales(in: network)
    parameters = names.map { name in
      guard let tensor = network.parameters[name] else { preconditionFailure("no parameter \(name)") }
      let moved = tensor.to(device)
      let own = moved.shape.count == 4 ? moved.clone.channelsLast : moved.contiguous.clone
      return scales[name] == nil ? own : own.clone.leaf
    }
    trainable = names.indices.filter { scales[names[$0]] != nil }
    rateGroups = Dictionary(grouping: trainable.indices) { [trainable] in scales[names[trainable[$0]]] ?? 1 }
      .sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    let (parameters, trainable) = (parameters, trainable)
    func buffers(_ given: [String: Tensor]) -> [Tensor] {
      trainable.map { index in
        let start = given[names[index]] ?? Tensor.zeros(parameters[index].shape)
        return start.laidOut(like: parameters[index].detached)
      }
    }
    momenta = buffers(memory.momenta)
    squares = memory.squares.isEmpty ? [] : buffers(memory.squares)
    steps = memory.steps
    if !memory.averages.isEmpty { beginAverage(with: memory.averages, steps: memory.averagedSteps) }
  }

  /// Begins an average of the parameters as they are, or goes on with one.
  private mutating func beginAverage(with given: [String: Tensor] = [:], steps: Int = 0) {
    let values = zip(program.parameterNames, parameters).map { given[$0] ?? $1 }
    weightAverage = WeightAverage(values, laidOutLike: parameters, steps: steps)
  }

  /// One optimiser step on a batch; returns the mean loss and how many images were classified rightly.
  package mutating func step(
    _ batch: Batch, _ options: TrainingOptions, rate: Double, generator: Generator?
  ) -> (loss: Double, correct: Int) {
    let result = addGradients(of: batch, options, generator: generator)
    step(options, rate: rate)
    return result
  }

  /// The gradients of a batch, taken into the mean that the next step goes by; returns the mean loss and how many
  /// images were classified rightly, mixed ones as the class that has the larger share, those without labels never.
  ///
  /// - Parameter mix: how the batch's images are mixed with each other, in place; nil leaves them.
  mutating func addGradients(
    of batch: Batch, _ options: TrainingOptions, mix: BatchMix? = nil, generator: Generator?
  ) -> (loss: Double, correct: Int) {
    if let mix { batch.mix(mix) }
    let (images, labels) = batch.tensors(on: device)
    var targets = Targets(labels: labels)
    if let mix {
      targets.mixedIn = Tensor(batch.labelsBefore, shape: [batch.count]).to(device)
      targets.share = mix.share
    }
    return addGradients(images, targets, options, generator: generator)
  }

  /// The same of images N×C×H×W and their labels.
  mutating func addGradients(
    _ images: Tensor, _ labels: Tensor, _ options: TrainingOptions, generator: Generator?
  ) -> (loss: Double, correct: Int) {
    addGradients(images, Targets(labels: labels), options, generator: generator)
  }

  private mutating func addGradients(
    _ images: Tensor, _ targets: Targets, _ options: TrainingOptions, generator: Generator?
  ) -> (loss: Double, correct: Int) {
    if options.averageDecay != nil, weightAverage == nil { beginAverage() }
    let run = { [program, parameters, teacher, imitation] in
      let taught = options.distillation == nil && imitation == nil ? nil : teacher?.logits(images)
      return (
        program.run(images, parameters: parameters, mode: .training, generator: generator), taught
      )
    }
    let (result, taught) = options.precision(run)
    let output = result.output.to(.float32)
    let loss = loss(output, taught?.to(.float32), targets, options)
    gradientMean.add(loss.gradients(of: trainable.map { parameters[$0] }), images: images.shape[0])
    for (index, value) in result.statistics { parameters[index] = value }
    guard imitation == nil else { return (loss.detached.item, 0) }
    let correct = output.detached.argmax(axis: 1).equals(targets.dominant).sum.item
    return (loss.detached.item, Int(correct))
  }

  private func loss(_ output: Tensor, _ taught: Tensor?, _ targets: Targets, _ options: TrainingOptions) -> Tensor {
    if let imitation, let taught { return imitation.loss(output, taught) }
    let crossEntropy = targets.crossEntropy(output, options)
    guard let distillation = options.distillation, let taught else { return crossEntropy }
    return distillation.loss(crossEntropy: crossEntropy, logits: output, teacher: taught)
  }

  /// One optimiser step by the mean of the gradients since the last.
  mutating func step(_ options: TrainingOptions, rate: Double) {
    let leaves = trainable.map { parameters[$0] }
    let gradients = gradientMean.gradients
    gradientMean = GradientMean()
    if let limit = options.clipNorm { clipNorm(of: gradients, to: limit) }
    steps += 1
    if options.optimizer == .adamw, squares.isEmpty {
      squares = momenta.map { Tensor.zeros($0.shape).laidOut(like: $0) }
    }
    for (scale, positions) in rateGroups {
      func those(_ all: [Tensor]) -> [Tensor] { positions.map { all[$0] } }
      switch options.optimizer {
      case .sgd:
        SGDStep(
          learningRate: scale * rate, momentum: options.momentum, weightDecay: options.weightDecay,
          nesterov: options.nesterov, isFirst: false
        ).apply(parameters: those(leaves), gradients: those(gradients), momenta: those(momenta))
      case .adamw:
        AdamWStep(
          learningRate: scale * rate, momentum: options.momentum, weightDecay: options.weightDecay, number: steps
        ).apply(
          parameters: those(leaves), gradients: those(gradients), averages: those(momenta), squares: those(squares))
      }
    }
    if let decay = options.averageDecay { weightAverage?.add(parameters, decay: decay) }
  }

  /// One proximal step of length `t`, written into the buffers.
  package mutating func proximalStep(_ regularization: Regularization, t: Double) throws -> ProximalStep {
    let step = try ProximalStep(regularization, on: current, t: t)
    take(step)
    return step
  }

  /// One proximal step of the partial regulariser, written into the buffers.
  mutating func proximalStep(
    _ partial: PartialRegularization, _ shrinkage: Shrinkage, _ regularization: Regularization
  ) throws {
    take(try ProximalStep(partial, shrinkage, regularization, on: current))
  }

  /// Writes a proximal step into the buffers; the momentum of what is dead becomes zero.
  private mutating func take(_ step: ProximalStep) {
    for (position, index) in trainable.enumerated() {
      let name = program.parameterNames[index]
      if let new = step.changed[name] { parameters[index].detached.overwrite(with: new) }
      if let carried = step.carried(momenta[position], of: name) { momenta[position].overwrite(with: carried) }
      guard let dead = step.dead[name] else { continue }
      let buffers = [momenta[position]] + (squares.isEmpty ? [] : [squares[position]])
      let momentum = momenta[position]
      var keep = [Float](repeating: 1, count: momentum.shape[0])
      for slice in dead { keep[slice] = 0 }
      let mask = Tensor(keep, shape: [keep.count] + Array(repeating: 1, count: momentum.shape.count - 1))
      for buffer in buffers { buffer.overwrite(with: buffer * mask.to(device)) }
    }
  }

  /// The parameters as they are now, on the CPU, there on the buffers' own memory: to be read, not kept.
  private var current: [String: Tensor] {
    Dictionary(uniqueKeysWithValues: zip(program.parameterNames, parameters.map { $0.detached.to(.cpu) }))
  }

  /// The network as the steps have it now, in memory of its own.
  func snapshot() -> Network { network(of: parameters) }

  /// The average of the networks so far, in memory of its own; nil where none is kept.
  var average: Network? { weightAverage.map { network(of: $0.values) } }

  /// What training gives as it is now: the average where one is kept, else the network of the steps.
  func result() -> Network { average ?? snapshot() }

  private func network(of tensors: [Tensor]) -> Network {
    var result = template
    for (name, tensor) in zip(program.parameterNames, tensors) {
      result.parameters[name] = tensor.detached.to(.cpu).contiguous.clone
    }
    return result
  }

  /// What is remembered for the next step, in memory of its own.
  var memory: OptimizerMemory {
    func named(_ buffers: [Tensor], _ names: [String]) -> [String: Tensor] {
      Dictionary(uniqueKeysWithValues: zip(names, buffers.map { $0.to(.cpu).contiguous.clone }))
    }
    let names = trainable.map { program.parameterNames[$0] }
    var memory = OptimizerMemory()
    (memory.momenta, memory.squares, memory.steps) = (named(momenta, names), named(squares, names), steps)
    memory.averages = named(weightAverage?.values ?? [], program.parameterNames)
    memory.averagedSteps = weightAverage?.steps ?? 0
    return memory
  }
}

extension Batch {
  /// Images N×C×H×W, channels last, and int64 labels: on the CPU views of the batch's memory, elsewhere copies.
  package func tensors(on device: Device) -> (images: Tensor, labels: Tensor) {
    let (c, h, w) = (shape.channels, shape.height, shape.width)
    let images = Tensor(
      viewing: UnsafeMutableRawPointer(images), dtype: .float32, shape: [count, c, h, w],
      strides: [h * w * c, 1, w * c, c])
    let labels = Tensor(viewing: UnsafeMutableRawPointer(labels), dtype: .int64, shape: [count], strides: [1])
    return (images.to(device), labels.to(device))
  }
}
