import Foundation
import Testing

@testable import Training

struct ScheduleTests {
  @Test func `a cosine falls from one over a half to zero`() {
    let schedule = Schedule(.cosine)
    #expect(schedule.factor(at: 0, of: 10) == 1)
    #expect(abs(schedule.factor(at: 5, of: 10) - 0.5) < 1e-12)
    #expect(abs(schedule.factor(at: 2.5, of: 10) - (1 + 0.5.squareRoot()) / 2) < 1e-12)
    #expect(schedule.factor(at: 10, of: 10) < 1e-12)
  }

  @Test func `the warm-up grows linearly from zero and the cosine begins at its end`() {
    let schedule = Schedule(.cosine, warmup: 2)
    #expect(schedule.factor(at: 0, of: 10) == 0)
    #expect(schedule.factor(at: 0.5, of: 10) == 0.25)
    #expect(schedule.factor(at: 2, of: 10) == 1)
    #expect(abs(schedule.factor(at: 6, of: 10) - 0.5) < 1e-12)
  }

  @Test func `steps divide by ten after half and after three quarters of the epochs`() {
    let schedule = Schedule(.step)
    #expect([0, 4.9, 5, 7.4, 7.5, 9.9].map { schedule.factor(at: $0, of: 10) } == [1, 1, 0.1, 0.1, 0.01, 0.01])
  }

  @Test func `a constant schedule stays at one after its warm-up`() {
    let schedule = Schedule(.constant, warmup: 1)
    #expect([0.5, 1, 9, 10].map { schedule.factor(at: $0, of: 10) } == [0.5, 1, 1, 1])
  }

  @Test(arguments: [1, 2, 3, 4]) func `with restarts equal cosines follow the warm-up, each from one to zero`(
    cycles: Int
  ) {
    let schedule = Schedule(.cosineRestarts, warmup: 2, cycles: cycles)
    let (cosine, length) = (Schedule(.cosine), 12 / Double(cycles))
    #expect(schedule.factor(at: 1, of: 14) == 0.5)
    for cycle in 0..<cycles {
      let start = 2 + length * Double(cycle)
      #expect(schedule.factor(at: start, of: 14) == 1)
      #expect(schedule.factor(at: start + length - 1e-6, of: 14) < 1e-9)
      for part in [0.25, 0.5, 0.75] {
        let expected = cosine.factor(at: part, of: 1)
        #expect(abs(schedule.factor(at: start + part * length, of: 14) - expected) < 1e-12)
      }
    }
    #expect(schedule.factor(at: 14, of: 14) == 0)
  }

  @Test func `a warm-up as long as the training ends at the full rate without dividing by zero`() {
    #expect(Schedule(.cosine, warmup: 3).factor(at: 3, of: 3) == 1)
    #expect(Schedule(.cosine).factor(at: 0, of: 0).isFinite)
    #expect(Schedule(.cosineRestarts, warmup: 3).factor(at: 3, of: 3) == 1)
    #expect(Schedule(.cosineRestarts).factor(at: 0, of: 0).isFinite)
  }
}
