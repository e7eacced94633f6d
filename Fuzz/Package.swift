// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// Fuzz targets over the readers of files that are not trusted; `Fuzz/run` builds and runs them.
let libtorch = Context.environment["LIBTORCH"] ?? Context.packageDirectory + "/../.libtorch"
let linking = [
  "-sanitize=fuzzer", "-use-ld=lld", "-L\(libtorch)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(libtorch)/lib",
]

func fuzzer(_ name: String) -> Target {
  .executableTarget(
    name: name, dependencies: ["FuzzDriver", .product(name: "Thresh", package: "thresh")],
    linkerSettings: [.unsafeFlags(linking)])
}

let package = Package(
  name: "Fuzz",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "thresh", path: "..")],
  targets: [.target(name: "FuzzDriver"), fuzzer("fuzz-onnx"), fuzzer("fuzz-checkpoint"), fuzzer("fuzz-safetensors")]
)
