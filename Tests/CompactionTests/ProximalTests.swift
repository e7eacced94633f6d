@testable import Compaction
import Networks
import Testing
import Torch

/// The proximal operators against PyTorch's answers.
@Suite struct ProximalFixtureTests {
  struct Cases: Decodable { let cases: [Case] }
  struct Case: Decodable, CustomTestStringConvertible {
    let matrix: String
    let kind: String
    let threshold: Double
    let alpha: Double
    let result: String
    let rank: Int
    var testDescription: String { result }
  }

  static func cases(_ kind: String) throws -> [Case] {
    try Fixture("proximal", as: Cases.self).description.cases.filter { $0.kind == kind }
  }

  @Test(arguments: try cases("nuclear"))
  func `singular value thresholding gives what an SVD gives`(_ given: Case) throws {
    let fixture = try Fixture("proximal", as: Cases.self)
    let found = try SingularValueThresholding(fixture.tensor(given.matrix), threshold: given.threshold)
    #expect(relativeError(found.matrix, try fixture.tensor(given.result)) < 1e-9)
    #expect(found.spectrum.rank == given.rank)
  }

  @Test(arguments: try cases("group"))
  func `group thresholding gives what the formula gives, with and without a part for single elements`(
    _ given: Case
  ) throws {
    let fixture = try Fixture("proximal", as: Cases.self)
    let matrix = try fixture.tensor(given.matrix)
    let (group, parameters) = rows(of: matrix)
    let threshold = (1 - given.alpha) * given.threshold * Double(group.size(parameters)).squareRoot()
    let soft = group.softThresholded(parameters, by: given.alpha * given.threshold)
    let found = GroupThresholding(group, soft, threshold: threshold)
    #expect(relativeError(try #require(found.parameters["w"]), try fixture.tensor(given.result)) < 1e-9)
    let (expected, _) = rows(of: try fixture.tensor(given.result))
    let norms = expected.norms(["w": try fixture.tensor(given.result)])
    for (a, b) in zip(found.norms, norms) { #expect(abs(a - b) < 1e-12) }
  }
}

/// One group for each row of a matrix.
func rows(of matrix: Tensor) -> (ChannelGroup, [String: Tensor]) {
  let count = matrix.shape[0]
  let member = GroupMember(parameter: "w", slices: (0..<count).map { [$0] })
  return (ChannelGroup(name: "rows", makers: ["w"], members: [member], count: count), ["w": matrix])
}

/// A proximal operator of t·R as a function of the matrix.
typealias Proximal = (_ matrix: Tensor, _ t: Double) throws -> Tensor

func nuclearNorm(_ matrix: Tensor) throws -> Double { try matrix.singularValues().doubles.reduce(0, +) }
func groupNorm(_ matrix: Tensor) -> Double { rows(of: matrix).0.norms(["w": matrix]).reduce(0, +) }

func thresholdSingularValues(_ matrix: Tensor, _ t: Double) throws -> Tensor {
  try SingularValueThresholding(matrix, threshold: t).matrix
}
func thresholdRows(_ matrix: Tensor, _ t: Double) throws -> Tensor {
  let (group, parameters) = rows(of: matrix)
  return try #require(GroupThresholding(group, parameters, threshold: t).parameters["w"])
}

@Suite struct ProximalLawTests {
  /// Whether no small change of prox(W) lowers ½‖X − W‖² + t·R(X).
  private func minimises(_ prox: Proximal, _ penalty: (Tensor) throws -> Double) throws -> Bool {
    for (seed, shape) in [[8, 5], [5, 8], [6, 20]].enumerated() {
      let matrix = random(shape, UInt64(seed))
      for t in [0.1, 1, 2.5] {
        let result = try prox(matrix, t)
        func objective(_ x: Tensor) throws -> Double {
          let distance = (x - matrix).norm
          return try distance * distance / 2 + t * penalty(x)
        }
        let least = try objective(result)
        for trial in 0..<20 {
          let direction = trial < 10 ? random(shape, UInt64(100 + trial)) : result * (trial < 15 ? 1 : -1)
          for size in [1e-1, 1e-2, 1e-3] where try objective(result + direction * size) < least - 1e-12 { return false }
        }
      }
    }
    return true
  }

  @Test func `thresholding singular values minimises the distance plus the nuclear norm`() throws {
    #expect(try minimises(thresholdSingularValues, nuclearNorm))
  }

  @Test func `thresholding groups minimises the distance plus the sum of their norms`() throws {
    #expect(try minimises(thresholdRows, groupNorm))
  }

  @Test func `elements first, then groups minimises the distance plus the sparse group lasso`() throws {
    let prox: Proximal = { matrix, t in
      let (group, parameters) = rows(of: matrix)
      return try thresholdRows(try #require(group.softThresholded(parameters, by: 0.3 * t)["w"]), 0.7 * t)
    }
    func penalty(_ x: Tensor) -> Double { 0.7 * groupNorm(x) + 0.3 * x.magnitude.sum.item }
    #expect(try minimises(prox, penalty))
    // Groups first is another point.
    let swapped: Proximal = { matrix, t in
      let (group, parameters) = rows(of: try thresholdRows(matrix, 0.7 * t))
      return try #require(group.softThresholded(parameters, by: 0.3 * t)["w"])
    }
    #expect(try !minimises(swapped, penalty))
  }

  @Test func `the law rejects operators that are close to right`() throws {
    #expect(try !minimises({ try thresholdSingularValues($0, 0.9 * $1) }, nuclearNorm))
    #expect(try !minimises({ try thresholdSingularValues($0, $1) + $0 * 0.01 }, nuclearNorm))
    #expect(try !minimises({ try thresholdRows($0.transposed, $1).transposed }, groupNorm))
    // W − t·polar(W): singular values under t come out negative instead of zero.
    let polar: Proximal = { matrix, t in
      let (u, _, v) = try matrix.singularValueDecomposition()
      return matrix - u.matmul(v) * t
    }
    #expect(try !minimises(polar, nuclearNorm))
  }

  @Test(arguments: [[1, 7], [7, 1], [12, 12], [30, 8], [8, 30], [64, 288]], [0.0, 0.3, 2, 1000])
  func `singular value thresholding agrees with an SVD in float64`(shape: [Int], threshold: Double) throws {
    let matrix = random(shape, 11)
    let (u, sigma, v) = try matrix.singularValueDecomposition()
    let lowered = (sigma - threshold).positivePart
    let found = try SingularValueThresholding(matrix, threshold: threshold)
    #expect((found.matrix - (u * lowered.reshaped([1, -1])).matmul(v)).norm < 1e-10 * matrix.norm)
    for (a, b) in zip(found.spectrum.values, lowered.doubles) { #expect(abs(a - b) < 1e-10 * matrix.norm) }
    #expect(found.spectrum.rows == shape[0] && found.spectrum.columns == shape[1])
  }

  @Test func `singular value thresholding leaves a low rank as it is`() throws {
    let matrix = random([20, 3], 1).matmul(random([3, 30], 2))
    #expect(try SingularValueThresholding(matrix, threshold: 0.5).spectrum.rank == 3)
    #expect(try Spectrum(of: SingularValueThresholding(matrix, threshold: 0.5).matrix).rank == 3)
  }

  @Test func `a float32 weight keeps its type and its small singular values`() throws {
    let (u, _, v) = try random([6, 6], 1).singularValueDecomposition()
    let sigma = Tensor([1e4, 1, 1, 1, 1, 0.5], shape: [1, 6])
    let found = try SingularValueThresholding((u * sigma).matmul(v).to(.float32), threshold: 0.75)
    #expect(found.matrix.dtype == .float32)
    #expect(try Spectrum(of: found.matrix.to(.float64)).values[4] - 0.25 < 1e-2)
    #expect(abs(found.spectrum.values[4] - 0.25) < 1e-2)
    #expect(found.spectrum.values[5] == 0)
  }

  @Test func `NaN in a weight throws`() {
    let broken = Tensor([1.0, .nan, 2, 3, 4, 5], shape: [2, 3])
    #expect(throws: TorchError.self) { _ = try SingularValueThresholding(broken, threshold: 1) }
  }

  /// Whether `unfolding` gives a matrix whose rows are the units, so that a zero unit is a zero row.
  private func hasUnitsAsRows(_ unfolding: (Tensor) -> Tensor) -> Bool {
    let weight = Tensor((0..<48).map(Double.init), shape: [4, 3, 2, 2])
    let matrix = unfolding(weight)
    return matrix.shape == [4, 12] && matrix.slice(axis: 0, from: 1, to: 2).doubles == (12..<24).map(Double.init)
  }

  @Test func `the unfolding has one row for each unit`() {
    #expect(hasUnitsAsRows(\.unfolded))
    #expect(!hasUnitsAsRows { $0.transposed(0, 1).flattened(from: 1) })
    #expect(!hasUnitsAsRows { $0.unfolded.transposed })
    #expect(!hasUnitsAsRows { $0.transposed(1, 2).transposed(0, 1).reshaped([4, 12]) })
  }
}
