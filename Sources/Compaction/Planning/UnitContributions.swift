import Networks
import Torch

/// What each unit brings to the layers that make and read it, and so what is lost when some go.
///
/// Rows and columns of a layer's matrix have the energy of their squared norms in D·W·A: D_n is the scale that the
/// batch norm behind the layer gives unit n, A_c = ‖(γ, β)‖ of the group that makes input c, for as large are the
/// values that the layer reads there (a whole group's norm where no batch norm scales it). What a layer keeps is the
/// share of its rows' energy that stays, times that of its columns.
struct UnitContributions {
  /// One side of a layer's matrix: the channels of its rows or columns with their energy.
  private struct Side {
    var channels: [Channel]
    var energy: [Double]

    func kept(without gone: Set<Channel>) -> Double {
      let whole = energy.reduce(0, +)
      let kept = zip(channels, energy).map { gone.contains($0) ? 0 : $1 }.reduce(0, +)
      return whole > 0 ? kept / whole : 1
    }
  }

  private struct Layer {
    var units: Side
    var inputs: Side
  }

  private var layers: [Layer?] = []

  /// - Parameter groups: of `network`, by their scale.
  /// - Throws: `NetworkError` when the network is not valid.
  init(_ network: Network, _ groups: ChannelGroups) throws {
    let coupling = try network.channelCoupling()
    func channels(_ parameter: String?, axis: Int) -> [Channel]? {
      coupling.axes.first { $0.parameter == parameter && $0.axis == axis }?.channels
    }
    var scale: [Channel: Double] = [:]
    for group in groups.all {
      guard let member = group.members.first, let own = channels(member.parameter, axis: 0) else { continue }
      for (slices, norm) in zip(member.slices, group.norms(network.parameters)) {
        for slice in slices { scale[own[slice]] = norm }
      }
    }
    layers = network.matrixLayers.map { layer in
      let names = layer.weights
      guard layer.obstacle == nil, let units = channels(names.last, axis: 0),
        let inputs = channels(names.first, axis: 1)
      else { return nil }
      let matrix = network.matrix(of: layer).reshaped([units.count, inputs.count, -1])
      let behind = network.scale(behind: layer)
      let rows = Tensor(behind, shape: [units.count, 1, 1])
      let columns = Tensor(inputs.map { scale[$0] ?? 1 }, shape: [1, inputs.count, 1])
      let scaled = matrix * rows * columns
      func side(_ channels: [Channel], summing axes: [Int]) -> Side {
        Side(channels: channels, energy: (scaled * scaled).sum(axes: axes).doubles)
      }
      return Layer(units: side(units, summing: [1, 2]), inputs: side(inputs, summing: [0, 2]))
    }
  }

  /// The share of each layer's whole that goes with these channels, in the order of `Network.matrixLayers`.
  func lost(with gone: Set<Channel>) -> [Double] {
    layers.map { layer in
      guard let layer else { return 0 }
      return 1 - layer.units.kept(without: gone) * layer.inputs.kept(without: gone)
    }
  }
}
