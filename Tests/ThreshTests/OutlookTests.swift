import Testing

@testable import Thresh

/// How long a whole job still takes.
@Suite struct OutlookTests {
  @Test func `what comes behind is told by how fast images went so far`() throws {
    var outlook = Outlook()
    outlook.expect(
      [Outlook.Part("evaluating", images: 100), Outlook.Part("measuring", images: 50, weight: 2)]
        + Outlook.epochs("train", 3, images: 1000, 6))
    outlook.begin("evaluating", at: 10)
    #expect(outlook.behind == nil)
    // 0.02 s an image.
    outlook.begin("measuring", at: 12)
    let behind = try #require(outlook.behind)
    #expect(behind.images == 0 && abs(behind.seconds - 3 * 1000 * 6 * 0.02) < 1e-9)
    // What nobody expected changes nothing but the time.
    outlook.begin("planning", at: 14)
    #expect(abs(try #require(outlook.behind).seconds - 360) < 1e-9)
    // Epochs that come behind go as fast as the one at hand.
    outlook.begin("train epoch 1/3", at: 20)
    #expect(try #require(outlook.behind) == (images: 2000, seconds: 0))
    outlook.end(at: 30)
    outlook.begin("train epoch 2/3", at: 30)
    #expect(try #require(outlook.behind) == (images: 1000, seconds: 0))
  }

  @Test func `what was measured stays when more is expected`() throws {
    var outlook = Outlook()
    outlook.expect([Outlook.Part("evaluating", images: 10)])
    outlook.begin("evaluating", at: 0)
    #expect(try #require(outlook.behind) == (images: 0, seconds: 0))
    outlook.end(at: 1)
    outlook.expect([Outlook.Part("test", images: 20)])
    outlook.begin("reading", at: 1)
    #expect(abs(try #require(outlook.behind).seconds - 2) < 1e-9)
  }
}
