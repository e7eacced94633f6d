import CTorch

extension Library {
  /// What `work` makes of each index below `count`, in order, shared out over the threads.
  ///
  /// Operations called from within have one thread each, so results do not depend on how many there are.
  ///
  /// - Throws: what `work` throws for the lowest index, when all are through.
  public static func parallel<Value: Sendable>(
    _ count: Int, _ work: @Sendable (Int) throws -> Value
  ) throws -> [Value] {
    typealias Piece = (Int) -> Void
    let results = UnsafeMutableBufferPointer<Result<Value, any Error>?>.allocate(capacity: count)
    results.initialize(repeating: nil)
    defer {
      results.deinitialize()
      results.deallocate()
    }
    let done = withoutActuallyEscaping(work) { work in
      var piece: Piece = { index in results[index] = Result { try work(index) } }
      return withUnsafeMutablePointer(to: &piece) { piece in
        ct_parallel(
          Int64(count), { context, index in context.assumingMemoryBound(to: Piece.self).pointee(Int(index)) }, piece)
      }
    }
    return try results.map { result in
      guard done, let result else { throw TorchError(message: String(cString: ct_last_error())) }
      return try result.get()
    }
  }
}
