import Thresh

/// The code of the article "Train for compression".
func trainForCompression() throws {
  let data = try Dataset("cifar10")
  let dense = try Model("dec3", for: data)
  let small = try dense.trained(on: data, .compressing(to: .parameters(0.1), epochs: 30)) { print($0) }
  print(try small.accuracy(on: data), try small.network.cost().parameters)
  try small.export(to: "small.safetensors")
}

/// What the article compares with.
func trainOrdinarily() throws {
  let data = try Dataset("cifar10")
  let ordinary = try Model("dec3", for: data).trained(on: data, .ordinary(epochs: 30))
  print(try ordinary.accuracy(on: data))
}
