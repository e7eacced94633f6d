import Torch

/// One of the pixels that each new pixel along an axis is made of.
package struct ResizeTap: Equatable {
  /// Which pixel, for each new one.
  package var indices: [Int]
  /// Its share, for each new one.
  package var weights: [Double]

  package var isWhole: Bool { weights.allSatisfy { $0 == 1 } }
}

extension Resize {
  /// The scales by which places are found; nil for the ratio of the sizes.
  package var givenScales: [Double]? { if case .scales(let scales) = target { scales } else { nil } }

  /// What of libtorch does the same.
  ///
  /// - Parameters: heights and widths.
  package func interpolation(from old: [Int], to new: [Int]) -> Interpolation? {
    switch mode {
    case .nearest:
      // By whole numbers of times nothing is rounded differently.
      let repeats = (0..<2).allSatisfy { axis in
        let times = new[axis] / old[axis]
        return new[axis] % old[axis] == 0
          && taps(along: axis, from: old[axis], to: new[axis])[0].indices == (0..<new[axis]).map { $0 / times }
      }
      return repeats ? .nearest : nil
    case .linear: return alignsCorners(new).map { .linear(alignCorners: $0) }
    case .cubic(-0.75): return alignsCorners(new).map { .cubic(alignCorners: $0) }
    case .cubic: return nil
    }
  }

  private func alignsCorners(_ new: [Int]) -> Bool? {
    switch places {
    case .alignCorners: true
    case .halfPixel: false
    case .halfPixelUnlessOne: new.contains(1) ? nil : false
    case .asymmetric: nil
    }
  }

  /// The pixels that each new pixel is made of, by the definition.
  ///
  /// - Parameters:
  ///   - axis: 0 vertical, 1 horizontal.
  ///   - old: the number of pixels that are there.
  ///   - new: the number of pixels that are made.
  package func taps(along axis: Int, from old: Int, to new: Int) -> [ResizeTap] {
    let scale = givenScales.map { Float($0[axis]) } ?? Float(new) / Float(old)
    let places = (0..<new).map { place(of: $0, from: old, to: new, scale) }
    func tap(_ index: (Float) -> Int, _ weight: (Float) -> Double) -> ResizeTap {
      // Beyond the border its last pixel goes on.
      ResizeTap(indices: places.map { min(max(index($0), 0), old - 1) }, weights: places.map(weight))
    }
    switch mode {
    case .nearest(let rounding): return [tap({ rounding.applied(to: $0) }, { _ in 1 })]
    case .linear:
      return [0, 1].map { next in
        tap({ Int($0.rounded(.down)) + next }, { next == 1 ? fraction($0) : 1 - fraction($0) })
      }
    case .cubic(let a):
      return (-1...2).map { next in
        tap({ Int($0.rounded(.down)) + next }, { cubic(abs(fraction($0) - Double(next)), a) })
      }
    }
  }

  private func place(of index: Int, from old: Int, to new: Int, _ scale: Float) -> Float {
    switch places {
    case .asymmetric: Float(index) / scale
    case .halfPixelUnlessOne where new == 1: 0
    case .halfPixel, .halfPixelUnlessOne: (Float(index) + 0.5) / scale - 0.5
    case .alignCorners: new == 1 ? 0 : Float(index) * Float(old - 1) / Float(new - 1)
    }
  }

  private func fraction(_ place: Float) -> Double { Double(place - place.rounded(.down)) }

  /// Keys, "Cubic convolution interpolation for digital image processing", 1981.
  private func cubic(_ x: Double, _ a: Double) -> Double {
    switch x {
    case ...1: ((a + 2) * x - (a + 3)) * x * x + 1
    case ..<2: ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    default: 0
    }
  }
}

extension Resize.Rounding {
  fileprivate func applied(to place: Float) -> Int {
    switch self {
    case .floor: Int(place.rounded(.down))
    case .ceil: Int(place.rounded(.up))
    case .halfDown: Int((place - 0.5).rounded(.up))
    case .halfUp: Int((place + 0.5).rounded(.down))
    }
  }
}

extension Tensor {
  /// Along `axis` the sum of its slices at the taps' indices, times their weights.
  func sampled(_ taps: [ResizeTap], axis: Int) -> Tensor {
    let parts = taps.map { tap -> Tensor in
      let picked = selecting(tap.indices, axis: axis)
      guard !tap.isWhole else { return picked }
      let shape = [tap.weights.count] + Array(repeating: 1, count: self.shape.count - 1 - axis)
      return picked * Tensor(tap.weights, shape: shape).to(dtype).to(device)
    }
    return parts.dropFirst().reduce(parts[0], +)
  }
}
