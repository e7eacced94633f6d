import Reports
import Testing

@Suite struct SuggestionTests {
  private let models = ["lenet5", "resnet20", "resnet56", "vgg16", "decomposeme"]

  @Test(arguments: [
    ("resnet2", "resnet20"), ("renset56", "resnet56"), ("VGG-16", "vgg16"), ("decompose-me", "decomposeme"),
    ("lenet", "lenet5"),
  ])
  func `a slip finds the word that was meant`(word: String, meant: String) {
    #expect(Suggestion.nearest(to: word, among: models) == meant)
  }

  @Test(arguments: ["transformer", "", "x", "vit"])
  func `a word far from all finds none`(word: String) {
    #expect(Suggestion.nearest(to: word, among: models) == nil)
  }

  @Test func `a single letter does not suggest another`() {
    #expect(Suggestion.nearest(to: "x", among: ["y", "lr"]) == nil)
  }

  @Test func `neighbours in the wrong order are one slip`() {
    #expect(Suggestion.nearest(to: "erlu", among: ["relu"]) == "relu")
  }

  @Test func `of equally near words the first wins`() {
    #expect(Suggestion.nearest(to: "resnet30", among: ["resnet50", "resnet20"]) == "resnet50")
  }
}
