import Foundation

/// Resident and peak resident memory of this process, in MiB.
struct ProcessMemory {
  var resident: Double
  var peak: Double

  #if os(macOS)
    /// What `ps` and the process's own account say; nil where they do not.
    static var now: ProcessMemory? {
      let process = Process()
      let output = Pipe()
      process.executableURL = URL(filePath: "/bin/ps")
      process.arguments = ["-o", "rss=", "-p", "\(ProcessInfo.processInfo.processIdentifier)"]
      process.standardOutput = output
      var usage = rusage()
      guard (try? process.run()) != nil, getrusage(RUSAGE_SELF, &usage) == 0 else { return nil }
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      let kibibytes = Double(text.trimmingCharacters(in: .whitespacesAndNewlines))
      return kibibytes.map { ProcessMemory(resident: $0 / 1024, peak: Double(usage.ru_maxrss) / 1_048_576) }
    }
  #else
    /// Nil where the system does not tell.
    static var now: ProcessMemory? {
      guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return nil }
      func mebibytes(_ field: String) -> Double? {
        let line = status.split(separator: "\n").first { $0.hasPrefix(field + ":") }
        return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) }.map { $0 / 1024 }
      }
      guard let resident = mebibytes("VmRSS"), let peak = mebibytes("VmHWM") else { return nil }
      return ProcessMemory(resident: resident, peak: peak)
    }
  #endif
}
