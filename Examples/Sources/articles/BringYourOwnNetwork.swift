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

/// The code of the same article for networks that give anything.
func compressWithoutLabels() throws {
  let original = try Model("detector.onnx", reading: ReadingOptions(takesAllOutputs: true))
  let photos = try Dataset(unlabelled: "photos", for: original)
  let cut = try original.plan(.macs(0.5), using: photos)
  var compact = try original.compressed(by: cut, using: photos)
  try compact.train(on: photos, .finetuning(epochs: 8, teacher: original)) { print($0) }
  print(try compact.accuracy(on: photos, like: original))
  try compact.export(to: "compact.onnx")
}
