extension TrainingOptions {
  /// Whether nothing is made small on the way: the network with the best held-out accuracy is the result.
  var isOrdinary: Bool { regularizer.isNone && compaction == nil }

  /// The epochs that training waits for a better accuracy; nil where it does not end early.
  ///
  /// A training that makes a network small gets better at that until its end, whatever the accuracy does.
  var usedPatience: Int? { isOrdinary ? patience : nil }
}

extension Trainer {
  /// Whether the held-out accuracy has not risen for so many epochs that training ends.
  var isStalled: Bool {
    guard let patience = options.usedPatience, data.validation != nil, let best = position.bestEpoch else {
      return false
    }
    return position.epoch - best >= patience
  }

  /// Tells that training ends before its last epoch, where it does.
  func tellIfStalled() {
    guard isStalled, position.epoch < options.epochs, let best = position.bestEpoch else { return }
    observe(.stoppedEarly(epoch: position.epoch, best: best))
  }
}
