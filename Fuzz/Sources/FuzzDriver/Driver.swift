import Foundation

/// Runs libFuzzer with this program's arguments and ends with its status.
public func fuzz(_ test: @escaping (Data) -> Void) -> Never {
  body = test
  var (count, words) = (CommandLine.argc, CommandLine.unsafeArgv)
  exit(
    driver(&count, &words) { bytes, length in
      body(Data(bytes: bytes, count: length))
      return 0
    })
}

/// What is run on every input; a C function cannot carry it along.
nonisolated(unsafe) private var body: (Data) -> Void = { _ in }

@_silgen_name("LLVMFuzzerRunDriver")
private func driver(
  _ count: UnsafeMutablePointer<CInt>,
  _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ test: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt
