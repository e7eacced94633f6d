import Thresh

/// The code of the article "Bring your own network".
func bringYourOwnNetwork() throws {
  let data = try Dataset("photographs")
  let model = try Model("network.onnx", for: data)
  for note in model.notes { print(note) }
  print(try model.accuracy(on: data))

  let plan = try model.plan(.macs(0.6), using: data)
  let small = try model.compressed(by: plan, using: data)
  try small.export(to: "small.onnx")
  try small.export(to: "small.py")
}
