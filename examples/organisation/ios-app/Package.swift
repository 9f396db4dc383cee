// swift-tools-version: 5.9
import PackageDescription

let package = Package(
    name: "Larkfold",
    platforms: [.iOS(.v16), .watchOS(.v9)],
    products: [
        .library(name: "Player", targets: ["Player"]),
        .library(name: "Offline", targets: ["Offline"]),
        .library(name: "Search", targets: ["Search"]),
    ],
    targets: [
        .target(name: "Player"),
        .target(name: "Offline"),
        .target(name: "Search"),
        .testTarget(name: "PlayerTests", dependencies: ["Player"]),
    ]
)
