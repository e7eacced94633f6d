import Networks

/// Which units a plan may remove.
public enum RemovableUnits: String, Sendable, Codable, CaseIterable {
  /// Those that carry nothing; the network loses nothing by it.
  case zero
  /// To reach a size the weakest too, by the norm of their group: where ranks keep a share e of their energy, the
  /// strongest units stay that hold e³ of the norms.
  case weakest

  /// Models and runs of earlier versions say `silent`.
  public init(from decoder: any Decoder) throws { self = try decoder.case(earlier: ["silent": .zero]) }

  /// The share of the units' norms that stays where ranks keep `energy`.
  ///
  /// The cube was found on dec3 and chars36, at a tenth of the parameters: e^0.4, e, e³, e⁶ and e⁶⁰ ended at training
  /// losses of 0.394, 0.366, 0.357, 0.346 and 0.341 after 8 epochs, at 2.3, 2.5, 2.7, 2.9 and 3.2 M MACs.
  public func share(atEnergy energy: Double) -> Double {
    switch self {
    case .zero: 1
    case .weakest: energy * energy * energy
    }
  }
}

/// The target of a plan, and the rules that the plan keeps to.
public struct PlanSettings: Sendable, Codable, Equatable {
  public var target: Target
  public var units: RemovableUnits
  /// How ranks are spread over layers where the target is a size.
  public var allocator: Allocator
  public var measure: EnergyMeasure
  /// Which decompositions layers are factorised in.
  public var decompositions: DecompositionChoice
  /// The smallest rank that a layer gets.
  public var minimumRank: Int
  /// The fewest units that a layer keeps.
  public var minimumUnits: Int
  /// What the fraction of a size relates to; nil is the network that is planned for.
  public var whole: Cost?

  public init(
    target: Target, units: RemovableUnits = .zero, allocator: Allocator = .uniform, measure: EnergyMeasure = .sum,
    decompositions: DecompositionChoice = .trained, minimumRank: Int = 1, minimumUnits: Int = 1, whole: Cost? = nil
  ) {
    self.target = target
    self.units = units
    self.allocator = allocator
    self.measure = measure
    self.decompositions = decompositions
    self.minimumRank = minimumRank
    self.minimumUnits = minimumUnits
    self.whole = whole
  }

  var isTimed: Bool { if case .time = target { true } else { false } }
}
