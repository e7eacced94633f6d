/// When a network began to learn, from which on the strength of a regulariser grows.
///
/// A network that guesses has no gradients that could hold its weights, so a regulariser takes them to nothing before
/// anything is learnt.
struct LearningStart: Codable {
  /// The epochs, in whole and parts, that were done then; nil while the network guesses.
  private(set) var epochs: Double?
  /// The last images seen and those of them that were classified rightly, the older the less.
  private var images = 0.0
  private var correct = 0.0

  /// Fewer images say too little.
  private static func least(_ classes: Int) -> Double { Double(max(250, 5 * classes)) }
  /// How many images count.
  private static func window(_ classes: Int) -> Double { Double(max(1000, 20 * classes)) }

  /// Takes note of a step of training after so many epochs.
  mutating func add(images: Int, correct: Int, classes: Int, after progress: Double) {
    guard epochs == nil else { return }
    let kept = max(0, 1 - Double(images) / Self.window(classes))
    self.images = kept * self.images + Double(images)
    self.correct = kept * self.correct + Double(correct)
    guard self.images >= Self.least(classes) else { return }
    let chance = 1 / Double(max(1, classes))
    // Thrice as often right as by chance; with few classes a tenth of the way from there to all.
    guard classes < 2 || self.correct / self.images > min(3 * chance, chance + 0.1 * (1 - chance)) else { return }
    epochs = progress
  }
}
