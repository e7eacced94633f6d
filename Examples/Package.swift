// swift-tools-version: 6.2
import PackageDescription

/// What a program looks like that uses Thresh; `Scripts/test-examples` builds and runs it.
let package = Package(
  name: "Examples",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "thresh", path: "..")],
  targets: [
    .executableTarget(
      name: "ten-lines", dependencies: [.product(name: "Thresh", package: "thresh")],
      swiftSettings: [.treatAllWarnings(as: .error)]),
    // The code of the articles in Sources/Thresh/Thresh.docc, word for word.
    .target(
      name: "articles", dependencies: [.product(name: "Thresh", package: "thresh")],
      swiftSettings: [.treatAllWarnings(as: .error)]),
  ]
)
