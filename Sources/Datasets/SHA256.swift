/// The SHA-256 of some bytes in hexadecimal, to tell a damaged download (FIPS 180-4).
func sha256(_ message: [UInt8]) -> String {
  // The constants are the fractions of the cube roots of the first 64 primes; the state begins with those of the square
  // roots of the first 8.
  let primes = (2...311).filter { number in !(2..<number).contains { number.isMultiple(of: $0) } }
  let constants = primes.map { fraction(ofRoot: 3, of: $0) }
  var state = primes.prefix(8).map { fraction(ofRoot: 2, of: $0) }

  // After the last whole block: a one, zeros, the length in bits.
  let tail = message.count - message.count % 64
  var last = Array(message[tail...]) + [0x80]
  last += Array(repeating: 0, count: (120 - last.count) % 64)
  last += (0..<8).map { UInt8(truncatingIfNeeded: (message.count << 3) >> (56 - 8 * $0)) }

  var schedule = [UInt32](repeating: 0, count: 64)
  for start in stride(from: 0, to: tail, by: 64) { digest(message, at: start, &schedule, constants, &state) }
  for start in stride(from: 0, to: last.count, by: 64) { digest(last, at: start, &schedule, constants, &state) }
  return state.map { word in
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }.joined()
}

/// One block of 64 bytes.
private func digest(
  _ bytes: [UInt8], at start: Int, _ schedule: inout [UInt32], _ constants: [UInt32], _ state: inout [UInt32]
) {
  for t in 0..<16 { schedule[t] = (0..<4).reduce(0) { $0 << 8 | UInt32(bytes[start + 4 * t + $1]) } }
  for t in 16..<64 {
    let (x, y) = (schedule[t - 15], schedule[t - 2])
    let sigma0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >> 3)
    let sigma1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >> 10)
    schedule[t] = schedule[t - 16] &+ sigma0 &+ schedule[t - 7] &+ sigma1
  }
  var (a, b, c, d) = (state[0], state[1], state[2], state[3])
  var (e, f, g, h) = (state[4], state[5], state[6], state[7])
  for t in 0..<64 {
    let choice = (e & f) ^ (~e & g)
    let majority = (a & b) ^ (a & c) ^ (b & c)
    let sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
    let sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
    let t1 = h &+ sum1 &+ choice &+ constants[t] &+ schedule[t]
    (h, g, f, e) = (g, f, e, d &+ t1)
    (d, c, b, a) = (c, b, a, t1 &+ sum0 &+ majority)
  }
  for (index, word) in [a, b, c, d, e, f, g, h].enumerated() { state[index] = state[index] &+ word }
}

private func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { word >> count | word << (32 - count) }

/// The first 32 bits after the point of the root of a number, by bisection in integers.
private func fraction(ofRoot degree: Int, of number: Int) -> UInt32 {
  // The largest r with r^degree <= number · 2^(32·degree).
  var (low, high): (UInt64, UInt64) = (0, 1 << 37)
  while low + 1 < high {
    let middle = (low + high) / 2
    let power = (0..<degree).reduce(UInt128(1)) { power, _ in power * UInt128(middle) }
    if power <= UInt128(number) << (32 * degree) { low = middle } else { high = middle }
  }
  return UInt32(truncatingIfNeeded: low)
}
