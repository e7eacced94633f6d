// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// libtorch is found at `LIBTORCH`, else at `.libtorch`, the link that `Scripts/setup` makes.
let libtorch = Context.environment["LIBTORCH"] ?? Context.packageDirectory + "/.libtorch"

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

func library(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
  .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
  name: "Thresh",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "thresh", targets: ["thresh-command"]),
    .library(name: "Thresh", targets: ["Thresh"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
  ],
  targets: [
    .target(name: "CKernels"),
    .target(
      name: "CTorch", dependencies: ["CKernels"],
      cxxSettings: [
        .unsafeFlags(["-isystem\(libtorch)/include", "-isystem\(libtorch)/include/torch/csrc/api/include"])
      ],
      linkerSettings: [
        .unsafeFlags(["-L\(libtorch)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(libtorch)/lib"]),
        .linkedLibrary("torch"), .linkedLibrary("torch_cpu"), .linkedLibrary("c10"),
      ]),
    library("Torch", ["CTorch"]),
    library("Networks", ["Torch"]),
    library("Architectures", ["Networks"]),
    library("Compaction", ["Networks", "Reports"]),
    library("Containers"),
    .target(
      name: "ONNXSchema", dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["onnx.proto"]),
    .target(
      name: "CoreMLSchema", dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["coreml.proto", "LICENSE.txt"]),
    .target(
      name: "TensorBoardSchema", dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["tensorboard.proto"]),
    library("Interchange", ["Compaction", "Containers", "CoreMLSchema", "Networks", "ONNXSchema"]),
    .systemLibrary(name: "CJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg-dev"]), .brew(["jpeg-turbo"])]),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
    .systemLibrary(name: "CWebP", pkgConfig: "libwebpdemux", providers: [.apt(["libwebp-dev"]), .brew(["webp"])]),
    .systemLibrary(name: "CTIFF", pkgConfig: "libtiff-4", providers: [.apt(["libtiff-dev"]), .brew(["libtiff"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .target(name: "CImages", dependencies: ["CJPEG", "CPNG", "CTIFF", "CWebP"]),
    library("Programs"),
    library("Datasets", ["CImages", "CZlib", "Programs", "Reports"]),
    .target(
      name: "Reports", resources: [.embedInCode("Page/report.css"), .embedInCode("Page/report.js")],
      swiftSettings: strict),
    library(
      "Training",
      [
        "Compaction", "Datasets", "Interchange", "Reports", "TensorBoardSchema",
        .product(name: "Yams", package: "Yams"),
      ]),
    .target(
      name: "Clocks", dependencies: ["Compaction", "Interchange", "Networks", "Programs"],
      resources: [.embedInCode("Programs/clock.py")], swiftSettings: strict),
    library("Thresh", ["Architectures", "Clocks", "Programs", "Reports", "Training"]),
    // On disks that do not tell capitals, a target named as the product would be in the library's place.
    .executableTarget(
      name: "thresh-command",
      dependencies: ["Reports", "Thresh", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      path: "Sources/Command", swiftSettings: strict),
    .executableTarget(
      name: "thresh-bench", dependencies: ["Architectures", "Training"], path: "Benchmarks/Worker",
      swiftSettings: strict),
    tests("TorchTests", ["Torch"]),
    tests("NetworksTests", ["Architectures", "Compaction", "Containers", "Interchange", "Networks", "Torch"]),
    tests("ArchitecturesTests", ["Architectures", "Networks"]),
    tests("CompactionTests", ["Architectures", "Compaction", "Containers", "Networks", "Torch"]),
    tests(
      "InterchangeTests",
      [
        "Architectures", "Compaction", "Containers", "CoreMLSchema", "Interchange", "Networks", "ONNXSchema", "Torch",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ]),
    .testTarget(
      name: "ContainersTests", dependencies: ["Containers"], resources: [.copy("Fixtures")], swiftSettings: strict),
    .testTarget(
      name: "DatasetsTests", dependencies: ["Datasets", "CImages", "CZlib"], exclude: ["Fixtures"],
      swiftSettings: strict),
    tests("ReportsTests", ["Reports"]),
    tests("TrainingTests", ["Architectures", "TensorBoardSchema", "Training"]),
    tests("ClocksTests", ["Architectures", "Clocks", "Compaction", "Interchange", "Networks", "ONNXSchema"]),
    tests("ThreshTests", ["Thresh"]),
    tests("CommandTests", ["thresh-command"]),
  ],
  cxxLanguageStandard: .cxx20
)
