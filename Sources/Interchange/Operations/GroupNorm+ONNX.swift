import Networks
import Torch

extension GroupNorm: ONNXExportable {
  /// As a norm of each channel where groups are channels, else of each row of groups × elements, as PyTorch writes it.
  func write(_ site: ONNXSite, to graph: inout ONNXGraphWriter) {
    let (x, name, channels) = (site.inputs[0], site.name, site.shape[0])
    let settings: KeyValuePairs<String, ONNXGraphWriter.Attribute> = ["epsilon": .float(epsilon)]
    if groups == channels, !site.node.parameters.isEmpty {
      let weights = graph.weights(of: site)
      let own = [weights[.weight], weights[.bias]].compactMap(\.self)
      return graph.append("InstanceNormalization", [x] + own, makes: name, settings)
    }
    let bare = [graph.store("\(name).ones", .ones([groups])), graph.store("\(name).zeros", .zeros([groups]))]
    if groups == channels { return graph.append("InstanceNormalization", [x] + bare, makes: name, settings) }
    graph.append("Reshape", [x, graph.store("\(name).rows", [0, groups, -1])], makes: "\(name).grouped")
    graph.append("InstanceNormalization", ["\(name).grouped"] + bare, makes: "\(name).even", settings)
    let columns = [Role.weight, .bias].compactMap { graph.column($0, of: site) }
    let result = columns.isEmpty ? name : "\(name).normalized"
    graph.append("Reshape", ["\(name).even", graph.store("\(name).shape", [0] + site.shape)], makes: result)
    guard columns.count == 2 else { return }
    graph.append("Mul", [result, columns[0]], makes: "\(name).scaled")
    graph.append("Add", ["\(name).scaled", columns[1]], makes: name)
  }
}

extension ONNXGraphWriter {
  /// Stores a number for each channel so that it meets values along their first axis; under the parameter's name, where
  /// no node reads that in another shape.
  fileprivate mutating func column(_ role: Role, of site: ONNXSite) -> String? {
    guard let name = site.node.parameters[role], let tensor = site.network.parameters[name] else { return nil }
    let column = tensor.reshaped([tensor.count] + Array(repeating: 1, count: site.rank - 1))
    let users = site.network.nodes.filter { $0.parameters.values.contains(name) }
    let fits =
      fits(column, under: name)
      && users.allSatisfy { ($0.operation as? GroupNorm).map { $0.groups < tensor.count } ?? false }
    return store(fits ? name : "\(site.name).\(role.rawValue)_column", column)
  }
}
