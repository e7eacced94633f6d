import Foundation

/// The few buffers that pass between loader threads and the consumer, batch k always in buffer k mod depth.
///
/// Unchecked: everything mutable is read and written under `condition`, except a buffer's contents, which belong to
/// the one thread that claimed its batch and then, once marked full, to the consumer.
final class BatchRing: @unchecked Sendable {
  private let work: BatchWork
  private let threads: Int
  private let condition = NSCondition()
  private let images: [UnsafeMutablePointer<Float>]
  private let labels: [UnsafeMutablePointer<Int64>]
  /// Which buffers hold a whole batch.
  private var full: [Bool]
  /// The next batch that no thread has claimed.
  private var unclaimed: Int
  /// The batch the consumer gets next.
  private var awaited: Int
  /// The batch whose buffer the consumer still reads, if any.
  private var lent: Int?
  private var errors: [Int: any Error] = [:]
  private var stopping = false
  private var running = 0

  init(work: BatchWork, firstBatch: Int, threads: Int) {
    self.work = work
    self.threads = threads
    unclaimed = firstBatch
    awaited = firstBatch
    let left = max(0, work.batchCount - firstBatch)
    // One with the consumer, one being filled by each thread, one waiting.
    let depth = min(threads + 2, left)
    images = (0..<depth).map { _ in .allocate(capacity: work.options.batchSize * work.source.shape.count) }
    labels = (0..<depth).map { _ in .allocate(capacity: work.options.batchSize) }
    full = Array(repeating: false, count: depth)
  }

  deinit {
    for pointer in images { pointer.deallocate() }
    for pointer in labels { pointer.deallocate() }
  }

  func start() {
    running = min(threads, full.count)
    for number in 0..<running {
      let thread = Thread { [self] in run() }
      thread.name = "batches-\(number)"
      // libjpeg's frames are small, but progressive decoding and a caller's own source may want more than 512 kB.
      thread.stackSize = 2 << 20
      thread.start()
    }
  }

  /// Asks the threads to stop and waits until they have.
  func stop() {
    condition.withLock {
      stopping = true
      condition.broadcast()
      while running > 0 { condition.wait() }
    }
  }

  func next() throws -> Batch? {
    try condition.withLock {
      if let lent {
        full[lent % full.count] = false
        self.lent = nil
        condition.broadcast()
      }
      guard awaited < work.batchCount else { return nil }
      let slot = awaited % full.count
      while !full[slot] && errors[awaited] == nil { condition.wait() }
      if let error = errors[awaited] { throw error }
      lent = awaited
      awaited += 1
      return Batch(
        images: images[slot], labels: labels[slot], count: work.count(of: awaited - 1),
        shape: work.source.shape, number: awaited - 1, owner: self)
    }
  }

  /// A loader thread: claims batches in order until there are none.
  private func run() {
    let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: work.source.shape.count)
    defer { bytes.deallocate() }
    while let number = claim() {
      let slot = number % images.count
      do {
        try work.fill(number, images: images[slot], labels: labels[slot], bytes: bytes, unless: isStopping)
        finish(number, error: nil)
      } catch {
        finish(number, error: error)
      }
    }
    condition.withLock {
      running -= 1
      condition.broadcast()
    }
  }

  /// The next batch to fill, once its buffer is free; nil when there is none or the consumer has gone.
  private func claim() -> Int? {
    condition.withLock {
      guard unclaimed < work.batchCount else { return nil }
      let number = unclaimed
      unclaimed += 1
      while !stopping && number - (lent ?? awaited) >= full.count { condition.wait() }
      return stopping ? nil : number
    }
  }

  private func finish(_ number: Int, error: (any Error)?) {
    condition.withLock {
      if let error {
        errors[number] = error
        unclaimed = work.batchCount
      } else {
        full[number % full.count] = true
      }
      condition.broadcast()
    }
  }

  private func isStopping() -> Bool { condition.withLock { stopping } }
}
