import CTorch

/// Runs `body` without recording gradients on this thread.
public func withoutGradients<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
  try scoped(ct_without_gradients, body)
}

/// Runs `body` with libtorch's automatic choice of bfloat16 for the operations that gain from it.
///
/// Weights stay float32; the cache of their cast copies does not outlive the scope.
public func withBFloat16Autocast<Value, Failure: Error>(
  _ body: () throws(Failure) -> Value
) throws(Failure) -> Value {
  try scoped(ct_autocast, body)
}

/// The type that convolutions and matrix products are computed in; weights are float32 always.
public enum Precision: String, Sendable, Codable, CaseIterable {
  case float32, bfloat16

  /// Runs `body` in this precision.
  public func callAsFunction<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
    switch self {
    case .float32: try body()
    case .bfloat16: try withBFloat16Autocast(body)
    }
  }
}

private func scoped<Value, Failure: Error>(
  _ scope: (ct_body, UnsafeMutableRawPointer) -> Void, _ body: () throws(Failure) -> Value
) throws(Failure) -> Value {
  var outcome: Result<Value, Failure>?
  func record() {
    do throws(Failure) { outcome = .success(try body()) } catch { outcome = .failure(error) }
  }
  withoutActuallyEscaping(record) { record in
    var call: () -> Void = record
    withUnsafeMutablePointer(to: &call) {
      scope({ context in context.assumingMemoryBound(to: (() -> Void).self).pointee() }, $0)
    }
  }
  guard let outcome else { preconditionFailure("the scope did not run its body") }
  return try outcome.get()
}

// MARK: For the trainer, which alone owns and changes its buffers

extension Tensor {
  /// A leaf on the same memory, for which gradients are recorded.
  package var leaf: Tensor { calling(self, ct_leaf) }

  /// ∂self/∂parameters, each laid out as its parameter, in memory of its own.
  package func gradients(of parameters: [Tensor]) -> [Tensor] {
    var found = [OpaquePointer?](repeating: nil, count: parameters.count)
    let done = withExtendedLifetime(storage) {
      withPointers(parameters) { ct_gradients(storage.pointer, $0, $1, &found) }
    }
    if !done { trap() }
    return found.map(Tensor.init(owning:))
  }

  /// Overwrites the elements with those of `source`.
  package func overwrite(with source: Tensor) {
    let done = withExtendedLifetime((storage, source.storage)) {
      ct_copy_into(storage.pointer, source.storage.pointer)
    }
    if !done { trap() }
  }

  /// Moves the elements of each tensor by `share` of the way to those of the other: x + share·(y − x), in place.
  package static func move(_ tensors: [Tensor], toward others: [Tensor], by share: Double) {
    let done = withPointers(tensors) { targets, count in
      withPointers(others) { sources, _ in ct_lerp(targets, sources, count, share) }
    }
    if !done { trap() }
  }

  /// A copy with the strides of `model`, whatever those of self are.
  package func laidOut(like model: Tensor) -> Tensor {
    let result = calling(model, ct_empty_like)
    result.overwrite(with: self)
    return result
  }
}
