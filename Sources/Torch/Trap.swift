import CTorch
import Foundation

/// Ends the program with libtorch's message; a `precondition` would be silent in a release build.
///
/// Memory that is not to be had is no mistake of the program, but what a large batch brings about, on the CPU or a GPU.
/// No operation could go on without it, so the program ends too, but with a sentence to its user.
func trap() -> Never {
  let message = String(cString: ct_last_error())
  guard let wanted = memoryWanted(message) else { fatalError(message) }
  let sentence =
    "\nerror: expected \(wanted) more memory, found none; take a smaller batch, and go on with `resume` "
    + "if epochs were done\n"
  FileHandle.standardError.write(Data(sentence.utf8))
  fflush(nil)
  // Other threads are at work: what runs at an ordinary exit would pull the library from under them.
  _exit(1)
}

/// How much memory was asked for in vain, as libtorch's message has it; nil for any other message.
///
/// C++ says no more than "std::bad_alloc", libtorch on the CPU "can't allocate memory: you tried to allocate 1310720000
/// bytes.", on a GPU "CUDA out of memory. Tried to allocate 2.00 GiB."
func memoryWanted(_ message: String) -> String? {
  if message.contains("bad_alloc") { return "some" }
  guard let found = message.firstMatch(of: /[Tt]ried to allocate ([0-9.]+) (bytes|[KMGT]iB)/) else { return nil }
  guard found.2 == "bytes", let bytes = Double(found.1) else { return "\(found.1) \(found.2)" }
  return String(format: "%.2f GiB", bytes / 0x1p30)
}
