import Testing

@testable import Thresh

struct LoaderThreadsTests {
  @Test func `images are prepared on the cores that computing leaves, and beside a GPU on all`() {
    func usual(_ cores: Int, _ computing: Int, onCPU: Bool = true) -> Int {
      LoaderThreads.usual(cores: cores, computing: computing, onCPU: onCPU)
    }
    #expect(usual(2, 2) == 1 && usual(1, 4) == 1)
    #expect(usual(8, 5) == 3 && usual(64, 16) == 8)
    #expect(usual(6, 6, onCPU: false) == 6 && usual(64, 64, onCPU: false) == 16)
  }

  @Test func `a recipe's own number comes first`() {
    var recipe = Recipe()
    recipe.machine.workers = 5
    #expect(recipe.workers == 5)
    recipe.machine.workers = nil
    #expect((1...8).contains(recipe.workers))
  }
}
