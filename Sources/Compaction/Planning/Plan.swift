import Networks

/// What becomes of a network: the form of every layer, how many units stay, and what that costs and loses.
///
/// A value that can be printed, saved, edited and tested without tensors; `Compressor.apply` executes it. As JSON every
/// layer has its `name`, its `form` (`"dense"`, or `{"rank": 8, "decomposition": "kxk-1x1"}`) and its `units`; these
/// are what `Compressor.fitted` takes from an edited plan, everything else is computed anew.
public struct Plan: Sendable, Codable {
  public struct Layer: Sendable {
    public var name: String
    public var form: Form
    /// Why it stays dense; nil where it does not.
    public var reason: DenseReason?
    /// N, without the units that go.
    public var units: Int
    /// N as given.
    public var unitsBefore: Int
    /// Numerical rank without the units that go.
    public var numericalRank: Int
    /// The share of the energy that is kept; of more than two factors that of Σσ².
    public var energy: Double
    /// √(Σ discarded σ²), the error to be measured when the plan is executed: Frobenius, or as activations change. Of
    /// more than two factors it is an upper bound.
    public var error: Double
    /// The same of W itself, to which `error` relates.
    public var norm: Double
    /// Weights as given and after.
    public var weightsBefore: Int
    public var weights: Int
    /// Milliseconds for a batch as given and after, where the target is a time.
    public var millisecondsBefore: Double?
    public var milliseconds: Double?

    /// The predicted loss: the share of the layer's squared norm that its form gives up.
    public var loss: Double { norm > 0 ? (error / norm) * (error / norm) : 0 }
  }

  /// What a plan by time predicts, in milliseconds for a batch.
  public struct Time: Sendable, Codable, Equatable {
    public var conditions: TimingConditions
    /// The network as given, and after the plan.
    public var original: Double
    public var predicted: Double
    /// What of these is in no layer with a matrix: batch norms, activations, additions, pooling.
    public var restBefore: Double
    public var rest: Double
    /// Σ over layers of −log of what they keep, scaled by the batch norms; and what no choice of ranks beats.
    public var loss: Double
    public var bound: Double
    /// Of both networks as a whole, where another runtime than Thresh's own engine is the clock.
    public var measured: Measured?

    /// Milliseconds of whole networks.
    public struct Measured: Sendable, Codable, Equatable {
      /// Its name and version.
      public var runtime: String
      public var original: Double
      public var compact: Double
      /// The fraction of `original` that was asked for.
      public var asked: Double

      public var share: Double { compact / original }
      /// How far the share is from what was asked for, relative to that.
      var miss: Double { abs(share / asked - 1) }
      /// Whether no plan that was tried keeps to what was asked for, beyond what a clock can err.
      public var isTooLong: Bool { share > asked * (1 + Self.tolerance) }

      /// How far, relative to it, the share may be from what was asked for.
      static let tolerance = 0.03
    }
  }

  public var layers: [Layer]
  public var original: Cost
  /// Cost after the plan; activation bytes are those of the narrowed network plus the values between factors.
  public var predicted: Cost
  public var energyMeasure: EnergyMeasure
  /// The share of the energy that every factorised layer keeps at least.
  public var energy: Double
  /// The share of Σ‖θ_n‖ over its units that every channel group keeps at least; 1 removes only what loses nothing.
  public var unitShare: Double
  /// How many units each channel group keeps, by its name; those of them that are zero go all the same.
  public var widths: [String: Int]
  public var minimumUnits: Int
  /// Layers that the plan was to leave alone; their units stay.
  public var leftOut: [String] = []
  /// How many images' activations decided, where they did: energies and errors are those of activations then.
  public var activationImages: Int?
  /// What is predicted of time, where the target is a time.
  public var time: Time?

  /// Whether something of the function is given up, beyond what float32 rounds away.
  public var isLossy: Bool { unitShare < 1 || layers.contains { $0.error > 1e-6 * $0.norm } }
}

extension Plan {
  /// What is decided about a layer.
  struct Choice {
    var form: Form
    var reason: DenseReason?

    static func dense(_ reason: DenseReason) -> Choice { Choice(form: .dense, reason: reason) }
    static func lowRank(rank: Int) -> Choice { Choice(form: .lowRank(rank: rank)) }
  }
}

extension Plan.Layer {
  init(_ layer: Analysis.Layer, _ choice: Plan.Choice, _ measure: EnergyMeasure) {
    (name, form, reason) = (layer.name, choice.form, choice.reason)
    (units, unitsBefore) = (layer.units, layer.unitsBefore)
    (energy, error) = (1, 0)
    if case .lowRank(let decomposition, let rank) = form, let spectrum = layer.curve(of: decomposition)?.spectrum {
      energy = spectrum.energy(of: rank, decomposition.isPair ? measure : .squares)
      error = spectrum.error(of: rank)
    }
    (numericalRank, norm) = (layer.spectrum.rank, layer.spectrum.error(of: 0))
    (weightsBefore, weights) = (layer.weightsBefore, layer.weights + layer.change(to: form).parameters)
  }
}

extension Plan.Layer: Codable {}
