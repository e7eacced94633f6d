// From images to a small network in ten lines. Few images and epochs, so that it takes seconds: they teach nothing, and
// the accuracies stay at chance. A real data set is `Dataset("cifar10")`, pretrained weights are
// `Model("resnet20", weights: "file.pth", for: data)`.
import Thresh

let data = try Glyphs(train: 1440, test: 360).dataset().holdingOut(0.1, seed: 0)
let model = try Model("lenet5", for: data).trained(on: data, .ordinary(epochs: 1))
let plan = try model.plan(.macs(0.5), using: data)  // a value; nothing has changed
print(plan)  // each layer: form, cost, why
var small = try model.compressed(by: plan, using: data)  // rewritten, proved, batch norm measured again
try small.train(on: data, .finetuning(epochs: 1, teacher: model)) { print($0) }
print(try small.accuracy(on: data.test))
try small.export(to: "small.onnx")  // read back and compared
let fresh = try Model("lenet5", for: data).trained(on: data, .compressing(to: .parameters(0.3), epochs: 2))
print(try fresh.accuracy(on: data.test))
