import Thresh

/// The code of the article "Compress a pretrained network".
func compressPretrained() throws {
  let data = try Dataset("cifar10")
  let model = try Model("resnet20", weights: "resnet20-cifar10.safetensors", for: data)

  let plan = try model.plan(.macs(0.5), using: data)
  print(plan)

  var small = try model.compressed(by: plan, using: data)
  print(try small.accuracy(on: data))

  try small.train(on: data, .finetuning(epochs: 8, teacher: model)) { print($0) }
  try small.export(to: "small.onnx")
}
