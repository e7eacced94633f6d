import struct Foundation.Data
import Networks
import Torch

/// How numbers of 8 bits are written: values as QuantizeLinear and DequantizeLinear one after the other, weights and
/// biases as whole numbers with a DequantizeLinear alone (QDQ, which runtimes put together again).
extension ONNXGraphWriter {
  /// Rounds a value to a grid; what comes out is called `name`.
  mutating func quantize(_ value: String, _ grid: QuantizationGrid, makes name: String) {
    let zero = UInt8(truncatingIfNeeded: grid.zeroPoint)
    let parameters = [
      store("\(name).scale", Data(ofFloat: Float(grid.scale)), .float, shape: []),
      store("\(name).zero_point", Data([zero]), grid.element == .int8 ? .int8 : .uint8, shape: []),
    ]
    append("QuantizeLinear", [value] + parameters, makes: "\(name).quantized")
    append("DequantizeLinear", ["\(name).quantized"] + parameters, makes: name)
  }

  /// Stores a layer's weight as int8 and, where what it reads is rounded, its bias as int32; both are rounded already.
  mutating func quantizedWeights(of site: ONNXSite, transposed: Bool) -> [Role: String] {
    guard let weight = site.network.parameter(.weight, of: site.node), let name = site.node.parameters[.weight],
      let scales = site.network.parameter(.weightScale, of: site.node)?.to(.float32).values(as: Float.self)
    else { preconditionFailure("node \(site.name) has no weight scale") }
    let whole: [Int8] = (transposed ? weight.transposed : weight).wholeMultiples(of: scales, axis: transposed ? 1 : 0)
    let scale = store("\(name)_scale", Data(of: scales), .float, shape: [scales.count])
    let parameters = [
      store(
        "\(name).int8", Data(of: whole), .int8,
        shape: transposed ? weight.shape.reversed() : weight.shape),
      scale, store("\(name).zero_point", Data(count: scales.count), .int8, shape: [scales.count]),
    ]
    var names: [Role: String] = [.weight: dequantize(parameters, makes: name, axis: transposed ? 1 : 0)]
    guard let own = site.node.parameters[.bias], let bias = site.network.parameter(.bias, of: site.node) else {
      return names
    }
    guard let steps = site.network.biasSteps(of: site.node) else {
      names[.bias] = store(own, bias)
      return names
    }
    let biases: [Int32] = bias.wholeMultiples(of: steps, axis: 0)
    names[.bias] = dequantize(
      [
        store("\(own).int32", Data(of: biases), .int32, shape: [steps.count]),
        store("\(own)_scale", Data(of: steps), .float, shape: [steps.count]),
      ], makes: own, axis: 0)
    return names
  }

  /// Two layers that share a tensor share the node.
  private mutating func dequantize(_ inputs: [String], makes name: String, axis: Int) -> String {
    if !graph.node.contains(where: { $0.output.first == name }) {
      append("DequantizeLinear", inputs, makes: name, ["axis": .int(axis)])
    }
    return name
  }
}

extension Tensor {
  /// The whole numbers whose multiples the elements are, by a scale for each index of `axis`, in row-major order.
  ///
  /// What is no such multiple, as by a scale of zero, is some number: the file is read back and compared.
  fileprivate func wholeMultiples<Whole: FixedWidthInteger>(of scales: [Float], axis: Int) -> [Whole] {
    let along = shape.indices.map { $0 == axis ? scales.count : 1 }
    let all = (to(.float64) / Tensor(scales.map(Double.init), shape: along)).doubles
    return all.map { Whole(exactly: $0.rounded(.toNearestOrEven)) ?? 0 }
  }
}

extension Data {
  fileprivate init<Element>(of numbers: [Element]) { self = numbers.withUnsafeBytes { Data($0) } }
  fileprivate init(ofFloat number: Float) { self.init(of: [number]) }
}
