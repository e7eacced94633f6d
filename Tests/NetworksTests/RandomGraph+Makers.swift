@testable import Networks
import Torch

/// How each kind of operation is drawn. A new operation needs one entry in `makers`, under its kind.
extension RandomGraph {
  static let makers: [String: Maker] = [
    Convolution.kind: convolution,
    Linear.kind: { graph in try graph.linear(graph.value()) },
    BatchNorm.kind: { graph in try graph.batchNorm(graph.value()) },
    Activation.kind: { graph in try graph.append(graph.one(of: Self.activations), [graph.value()]) },
    Pooling.kind: { graph in
      let geometry = PoolingGeometry(
        kernel: [graph.int(1...3), graph.int(1...3)], stride: [graph.int(1...3), graph.int(1...3)],
        padding: [graph.int(0...1), graph.int(0...1)],
        endPadding: graph.chance(0.5) ? nil : [graph.int(0...1), graph.int(0...1)], ceilMode: graph.chance(0.3),
        countIncludePad: graph.chance(0.5))
      let window = PoolingGeometry(kernel: [graph.int(1...3), 2])
      let all: [Pooling] = [.max(geometry), .average(geometry), .max(window), .globalAverage, .globalMax]
      try graph.append(graph.one(of: all), [graph.image()])
    },
    Elementwise.kind: { graph in
      let a = try graph.value()
      let shape = graph.shape(a)
      // Of the same shape, or spread over it.
      let b = try graph.value {
        $0.count == shape.count && zip($0, shape).allSatisfy { $0 == $1 || $0 == 1 || $1 == 1 }
      }
      let operation = try graph.one(of: [Elementwise.add, .add, .multiply, .subtract, .divide])
      try graph.append(operation, [a, operation == .divide ? graph.positive(b) : b].shuffled(if: operation != .divide))
    },
    Concatenate.kind: { graph in
      let a = try graph.value()
      let axis = graph.axis(of: a)
      let shape = graph.shape(a)
      let others = try (0..<graph.int(1...2)).map { _ in
        try graph.value { other in
          other.count == shape.count && shape.indices.allSatisfy { $0 == axis || other[$0] == shape[$0] }
        }
      }
      try graph.append(Concatenate(axis: axis), [a] + others)
    },
    Outputs.kind: { graph in
      let values = try (0..<graph.int(1...3)).map { _ in try graph.value() }
      try graph.append(Outputs(values.indices.map { "value \($0)" }), values)
    },
    Flatten.kind: { graph in try graph.append(Flatten(), [graph.value { $0.count > 1 }]) },
    Reshape.kind: { graph in
      let x = try graph.value()
      let shape = graph.shape(x)
      let choices = [
        [shape.reduce(1, *), 1, 1], shape.reversed(), [shape[0], shape.dropFirst().reduce(1, *)], [1] + shape,
      ]
      try graph.append(Reshape(graph.one(of: choices)), [x])
    },
    Slice.kind: { graph in
      let x = try graph.value()
      let axis = graph.axis(of: x)
      let start = graph.int(0...1)
      try graph.append(
        Slice(
          axis: axis, start: start, end: graph.chance(0.5) ? nil : start + graph.int(1...3), step: graph.int(1...2)),
        [x])
    },
    Pad.kind: { graph in
      let x = try graph.value()
      try graph.append(Pad(axis: graph.axis(of: x), before: graph.int(0...2), after: graph.int(0...2)), [x])
    },
    Dropout.kind: { graph in try graph.append(Dropout(graph.one(of: [0, 0.3])), [graph.value()]) },
    Affine.kind: { graph in
      try graph.append(
        Affine(scale: graph.one(of: [1, -0.5, 2]), shift: graph.one(of: [0, 0.3, -1])), [graph.value()])
    },
    Power.kind: { graph in
      try graph.append(Power(graph.one(of: [0.5, 2, -1, -0.5])), [graph.positive(graph.value())])
    },
    // Of what is stored: what is computed in several ways may be rounded to neighbours.
    Quantize.kind: { graph in
      let x = try graph.value()
      let stored = try graph.append(Stored(), [], [.constant: (.signed, graph.shape(x))])
      let element = try graph.one(of: QuantizationGrid.Element.allCases)
      let grid = try QuantizationGrid(scale: graph.one(of: [0.01, 0.3]), zeroPoint: graph.int(3...9), element)
      try graph.append(Elementwise.add, [x, graph.append(Quantize(grid), [stored])])
    },
    Stored.kind: { graph in
      let x = try graph.value()
      let shape = graph.shape(x).map { graph.chance(0.5) ? $0 : 1 }
      let operation = try graph.one(of: [Elementwise.add, .multiply, .subtract, .divide])
      let role = try graph.one(of: [Role.weight, .constant])
      let stored = try graph.append(Stored(), [], [role: (operation == .divide ? .positive : .signed, shape)])
      try graph.append(operation, [x, stored].shuffled(if: operation != .divide && graph.chance(0.5)))
    },
    Gather.kind: { graph in
      let x = try graph.value()
      let axis = graph.axis(of: x)
      let last = graph.shape(x)[axis] - 1
      try graph.append(Gather(axis: axis, indices: (0..<graph.int(1...4)).map { _ in graph.int(0...last) }), [x])
    },
    LayerNorm.kind: { graph in
      let x = try graph.value()
      let axes = graph.int(1...graph.shape(x).count)
      let shape = Array(graph.shape(x).suffix(axes))
      try graph.append(
        LayerNorm(axes: axes), [x], graph.chance(0.7) ? [.weight: (.positive, shape), .bias: (.signed, shape)] : [:])
    },
    Softmax.kind: { graph in
      let x = try graph.value()
      try graph.append(Softmax(axis: graph.axis(of: x)), [x])
    },
    LogSoftmax.kind: { graph in
      let x = try graph.value()
      try graph.append(LogSoftmax(axis: graph.axis(of: x)), [x])
    },
    PReLU.kind: { graph in
      let x = try graph.value()
      let isShared = graph.chance(0.5)
      try graph.append(PReLU(isShared: isShared), [x], [.weight: (.signed, [isShared ? 1 : graph.shape(x)[0]])])
    },
    Maximum.kind: { graph in
      let x = try graph.value()
      let axes = graph.shape(x).indices.filter { _ in graph.chance(0.5) }
      try graph.append(Maximum(axes: axes.isEmpty ? [0] : axes), [x])
    },
    Mean.kind: { graph in
      let x = try graph.value()
      let axes = graph.shape(x).indices.filter { _ in graph.chance(0.5) }
      try graph.append(Mean(axes: axes), [x])
    },
    Transpose.kind: { graph in
      let x = try graph.value()
      try graph.append(Transpose(graph.shuffled(Array(graph.shape(x).indices))), [x])
    },
    Resize.kind: { graph in
      let x = try graph.image()
      let targets: [Resize.Target] = [
        .scales([2, 2]), try .scales([graph.one(of: [0.5, 1.5]), graph.one(of: [0.7, 2.3])]),
        .size([graph.int(1...6), graph.int(1...6)]), .likeSecond,
      ]
      let modes: [Resize.Mode] = [
        .linear, .linear, .cubic(coefficient: -0.75), .cubic(coefficient: -0.5), .nearest(.floor), .nearest(.ceil),
        .nearest(.halfDown), .nearest(.halfUp),
      ]
      let resize = try Resize(
        graph.one(of: modes), graph.one(of: Resize.Places.allCases), to: graph.one(of: targets))
      try graph.append(resize, resize.target == .likeSecond ? [x, graph.image()] : [x])
    },
    TransposedConvolution.kind: { graph in
      let x = try graph.image()
      let channels = graph.shape(x)[0]
      let groups = graph.chance(0.3) ? try graph.one(of: (1...channels).filter { channels % $0 == 0 }) : 1
      let units = groups * graph.int(1...(groups > 1 ? 2 : 6))
      let stride = [graph.int(1...3), graph.int(1...2)]
      let geometry = ConvolutionGeometry(
        stride: stride, padding: [graph.int(0...1), graph.int(0...1)], dilation: [1, graph.int(1...2)], groups: groups)
      let layer = TransposedConvolution(
        geometry, outputPadding: [graph.int(0...stride[0] - 1), graph.int(0...stride[1] - 1)])
      let weight = [units, channels / groups, graph.int(1...3), graph.int(1...3)]
      try graph.append(
        layer, [x],
        graph.chance(0.5) ? [.weight: (.matrix, weight)] : [.weight: (.matrix, weight), .bias: (.signed, [units])])
    },
    GroupNorm.kind: { graph in
      let x = try graph.value { $0.count > 1 }
      let channels = graph.shape(x)[0]
      let groups = try graph.one(of: (1...channels).filter { channels % $0 == 0 })
      try graph.append(
        GroupNorm(groups: groups), [x],
        graph.chance(0.7) ? [.weight: (.positive, [channels]), .bias: (.signed, [channels])] : [:])
    },
    MatrixProduct.kind: { graph in
      let x = try graph.value { $0.count > 1 }
      let rank = graph.shape(x).count
      let turned = try graph.append(Transpose(Array(0..<rank - 2) + [rank - 1, rank - 2]), [x])
      try graph.append(MatrixProduct(), [x, turned].shuffled(if: graph.chance(0.5)))
    },
  ]

  static let activations: [Activation] = [
    .relu, .relu, .relu, .leakyRelu(slope: 0.1), .cappedRelu(limit: 1), .elu(alpha: 0.7), .gelu(approximated: true),
    .gelu(approximated: false), .silu, .sigmoid, .tanh, .erf, .hardSwish, .hardSigmoid(slope: 0.2, shift: 0.5),
    .clip(low: -0.5, high: 1), .softplus, .mish, .absolute, .sign,
  ]

  /// Operations one behind the other as networks have them, which run as one where they can.
  static let patterns: [Maker] = [
    { graph in
      // A residual block, of which either side may have a batch norm.
      let x = try graph.image()
      var y = try graph.square(x)
      if graph.chance(0.7) { y = try graph.batchNorm(y) }
      var other = x
      if graph.chance(0.3) { other = try graph.square(x) }
      if graph.chance(0.3) { other = try graph.batchNorm(other) }
      let sum = try graph.append(Elementwise.add, [y, other].shuffled(if: graph.chance(0.5)))
      if graph.chance(0.8) { try graph.append(Activation.relu, [sum]) }
    },
    { graph in
      // A batch norm behind a layer, whose units are channels or not, then ReLU and pooling.
      let x = try graph.value()
      let isImage = graph.shape(x).count == 3 && graph.chance(0.5)
      var y = try graph.batchNorm(isImage ? graph.square(x) : graph.linear(x))
      if graph.chance(0.7) { y = try graph.append(Activation.relu, [y]) }
      if graph.shape(y).count == 3, graph.chance(0.5) {
        try graph.append(Pooling.max(PoolingGeometry(kernel: [2, 2])), [y])
      }
    },
    { graph in
      // The factors of a layer.
      let x = try graph.image()
      let name = "factors\(graph.network.nodes.count)"
      let (channels, rank) = (graph.shape(x)[0], graph.int(1...3))
      let sides = try graph.one(of: [
        [[3, 3], [1, 1]], [[3, 1], [1, 3]], [[1, 1], [3, 3]], [[1, 1], [3, 3], [1, 1]],
      ])
      var last = x
      for (index, side) in sides.enumerated() {
        let isLast = index == sides.count - 1
        let weight = [isLast ? channels : rank, index == 0 ? channels : rank] + side
        last = try graph.append(
          Convolution(ConvolutionGeometry(padding: side.map { $0 / 2 })), [last],
          isLast
            ? [.weight: (.matrix, weight), .bias: (.signed, [channels])] : [.weight: (.matrix, weight)],
          named: "\(name).\(index)")
      }
    },
    { graph in
      // A shortcut without weights.
      let x = try graph.value { $0.count > 1 }
      var y = x
      for axis in 1..<graph.shape(x).count where graph.chance(0.7) {
        y = try graph.append(Slice(axis: axis, step: 2), [y])
      }
      try graph.append(Pad(axis: 0, before: graph.int(0...2), after: graph.int(0...2)), [y])
    },
    { graph in
      // The same layer, or only its bias, once more.
      let node = try graph.one(of: graph.network.nodes.filter { $0.parameters[.weight] != nil && !$0.inputs.isEmpty })
      let shape = graph.shape(node.inputs[0])
      try graph.append(again: node, reading: graph.value { $0 == shape })
    },
  ]

  static let convolution: Maker = { graph in
    let x = try graph.image()
    let channels = graph.shape(x)[0]
    let groups = graph.chance(0.3) ? try graph.one(of: (1...channels).filter { channels % $0 == 0 }) : 1
    let units = groups * graph.int(1...(groups > 1 ? 2 : 8))
    let geometry = ConvolutionGeometry(
      stride: [graph.int(1...2), graph.int(1...2)], padding: [graph.int(0...1), graph.int(0...1)],
      dilation: [graph.int(1...2), 1], groups: groups)
    let weight = [units, channels / groups, graph.int(1...3), graph.int(1...3)]
    try graph.append(
      Convolution(geometry), [x],
      graph.chance(0.5) ? [.weight: (.matrix, weight)] : [.weight: (.matrix, weight), .bias: (.signed, [units])])
  }
}

extension [String] {
  fileprivate func shuffled(if isTurned: Bool) -> [String] { isTurned ? reversed() : self }
}
