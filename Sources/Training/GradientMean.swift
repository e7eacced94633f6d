import Torch

/// The mean gradient of several batches, each counted by its images: that of one batch that holds them all.
struct GradientMean {
  private(set) var gradients: [Tensor] = []
  private var images = 0

  mutating func add(_ new: [Tensor], images count: Int) {
    images += count
    if gradients.isEmpty {
      gradients = new
    } else {
      Tensor.move(gradients, toward: new, by: Double(count) / Double(images))
    }
  }
}
