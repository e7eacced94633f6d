import ONNXSchema
import Torch

/// Sums, means and extremes of constants.
extension ONNXConstant {
  /// What a node that reduces axes makes of the constant; nil for another operator.
  ///
  /// - Parameter axes: counted from the end if negative; nil for all.
  /// - Throws: `ONNXProblem` for an axis that is not there.
  func reduced(_ kind: String, axes: [Int]?, keepsAxes: Bool) throws -> ONNXConstant? {
    let functions: [String: ([Double]) -> Double] = [
      "ReduceMax": { $0.max() ?? 0 }, "ReduceMin": { $0.min() ?? 0 }, "ReduceSum": { $0.reduce(0, +) },
      "ReduceProd": { $0.reduce(1, *) }, "ReduceMean": { $0.reduce(0, +) / Double($0.count) },
    ]
    guard let function = functions[kind], count > 0 else { return nil }
    let rank = shape.count
    let reduced = Set((axes ?? Array(0..<rank)).map { $0 < 0 ? $0 + rank : $0 })
    guard reduced.allSatisfy(shape.indices.contains) else {
      throw ONNXProblem("reduces axes \(axes ?? []) of a constant of shape \(shape)")
    }
    let kept = shape.indices.filter { !reduced.contains($0) }
    let rows = moved(to: (kept + reduced.sorted()).map { shape[$0] }) { $0.permuted(kept + reduced.sorted()) }.doubles
    let width = reduced.map { shape[$0] }.reduce(1, *)
    let values = stride(from: 0, to: rows.count, by: width).map { function(Array(rows[$0..<$0 + width])) }
    let target = keepsAxes ? shape.indices.map { reduced.contains($0) ? 1 : shape[$0] } : kept.map { shape[$0] }
    return ONNXConstant(name: name, shape: target, values: values, isWhole: isWhole, isParameter: false)
  }
}
