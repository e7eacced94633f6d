/// How long a job still takes behind the part at hand, by how fast images went through the network so far.
public struct Outlook: Sendable {
  /// A part of a job that images go through.
  public struct Part: Sendable, Equatable {
    /// As `RunEvent.began` calls it.
    public var name: String
    public var images: Int
    /// What an image costs beside one that is evaluated by the dense network, as far as nothing has been measured.
    public var weight: Double

    public init(_ name: String, images: Int, weight: Double = 1) {
      (self.name, self.images, self.weight) = (name, images, weight)
    }

    var passes: Double { Double(images) * weight }
    /// Epochs of one training take equally long.
    var kind: Substring { name.firstRange(of: " epoch ").map { name[..<$0.lowerBound] } ?? name[...] }
  }

  private var ahead: [Part] = []
  private var current: (part: Part, started: Double)?
  /// Seconds of a pass: of every kind of part that is over, and of the last one.
  private var paces: [Substring: Double] = [:]
  private var pace: Double?

  package init() {}

  /// Parts are to come, in place of those that were expected; what was measured stays.
  package mutating func expect(_ parts: [Part]) { ahead = parts }

  /// Takes note that a part begins, at so many seconds of any clock; one that nobody expected is passed over.
  package mutating func begin(_ name: String, at now: Double) {
    end(at: now)
    guard let place = ahead.firstIndex(where: { $0.name == name }) else { return }
    current = (ahead[place], now)
    ahead.removeFirst(place + 1)
  }

  /// Takes note that the part at hand is over.
  package mutating func end(at now: Double) {
    guard let (part, started) = current, part.passes > 0 else { return }
    pace = (now - started) / part.passes
    paces[part.kind] = pace
    current = nil
  }

  /// What comes behind the part at hand: images that go as fast as its own, and the seconds of all others; nil where
  /// nothing was measured that would tell those.
  package var behind: (images: Int, seconds: Double)? {
    let kind = current?.part.kind
    let others = ahead.filter { $0.kind != kind }
    guard pace != nil || others.isEmpty else { return nil }
    let images = ahead.reduce(0) { $0 + ($1.kind == kind ? $1.images : 0) }
    return (images, others.reduce(0) { $0 + $1.passes * (paces[$1.kind] ?? pace ?? 0) })
  }
}

extension Outlook {
  /// A step of training an image, forwards and backwards without what makes evaluation fast, and with a teacher beside
  /// it: measured for resnet20 on two cores, about.
  private static let (training, teacher) = (6.0, 2.0)

  /// The epochs of a training, each with the images that are held out.
  static func epochs(_ title: String, _ count: Int, from first: Int = 1, images: Int, _ weight: Double) -> [Part] {
    guard first <= count else { return [] }
    return (first...count).map { Part("\(title) epoch \($0)/\(count)", images: images, weight: weight) }
  }

  /// What an image of a training costs.
  static func weight(ofStepsWith teacher: Bool) -> Double { training + (teacher ? self.teacher : 0) }
}
