import Thresh

/// The code of the article "The architecture".
func walkThroughNetwork() throws {
  let model = try Model("resnet20", weights: "resnet20-cifar10.safetensors")
  for node in model.network.nodes {
    print(node.name, node.operation, node.inputs)
  }
  let cost = try model.network.cost()
  print(cost.parameters, cost.macs)
}
