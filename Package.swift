// swift-tools-version: 6.2
// The manifest reads like the map in docs/architecture.md: one line a floor, lowest first, and a target imports only
// what its line names.
import PackageDescription

let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// Tests import freely; they are nobody's dependency.
let testing: [SwiftSetting] = [.treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny")]

// Kernels are compiled at -O2 in debug too: at -O0 they are some 45 times slower, and the tests merge real models.
let kernelSettings: [CSetting] = [
    .treatAllWarnings(as: .error),
    .enableWarning("all"),
    .enableWarning("extra"),
    .unsafeFlags(["-O2"], .when(configuration: .debug)),
]

func floor(_ name: String, on dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, on dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: testing)
}

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let database = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "umbel",
    products: [
        .executable(name: "umbel", targets: ["umbel"]),
        .executable(name: "umbel-bench", targets: ["umbel-bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // Floor 0: C. Validated shapes in, numbers out; system libraries.
        .target(name: "CUmbelKernels", cSettings: kernelSettings, linkerSettings: [.linkedLibrary("m")]),
        // What networks compute, on the instruction set that the kernels of merging chose.
        .target(
            name: "CUmbelCompute", dependencies: ["CUmbelKernels"], cSettings: kernelSettings,
            linkerSettings: [.linkedLibrary("m")]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CMalloc"),
        .systemLibrary(name: "CWriteback"),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(name: "CJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg62-turbo-dev"])]),
        .systemLibrary(name: "CWebP", pkgConfig: "libwebp", providers: [.apt(["libwebp-dev"])]),
        .target(
            name: "CUmbelImages", dependencies: ["CPNG", "CJPEG", "CWebP", "CZlib"], cSettings: kernelSettings),
        .target(
            name: "CUmbelVocabulary", dependencies: ["CZlib"],
            exclude: ["LICENSE", "clip-merges.zlib", "make-clip-merges.py"], cSettings: kernelSettings),

        // Floor 1: numbers · system calls · statistics.
        floor("UmbelTensor", on: ["CUmbelKernels", "CMalloc"]),
        floor("UmbelPOSIX", on: ["COpenSSL", "CWriteback"]),
        floor("UmbelStatistics", on: []),

        // Floor 2: files · names of tensors · the wire (knows no tensor) · pictures.
        floor("UmbelFormats", on: ["UmbelTensor", "UmbelPOSIX"]),
        floor("UmbelNames", on: []),
        floor("UmbelHTTP", on: ["UmbelPOSIX", "CZlib", httpTypes]),
        floor("UmbelImages", on: ["CUmbelImages"]),

        // Floor 3: what is stored · a client of the service · adapters and how they merge.
        floor("UmbelRegistry", on: ["UmbelFormats", "UmbelPOSIX", database]),
        floor("UmbelClient", on: ["UmbelFormats", "UmbelPOSIX", "CCurl"]),
        floor("UmbelAdapters", on: ["CUmbelKernels", "UmbelFormats", "UmbelNames", "UmbelTensor"]),
        // Beside them, and neither knows the other: networks and what they are asked for.
        floor(
            "UmbelModels",
            on: [
                "CUmbelKernels", "CUmbelCompute", "CUmbelVocabulary", "UmbelFormats", "UmbelNames", "UmbelTensor",
                "UmbelPOSIX",
            ]),

        // Floor 4: residency, variants, all waiting, all limits.
        floor(
            "UmbelEngine",
            on: [
                "UmbelAdapters", "UmbelModels", "UmbelRegistry", "UmbelStatistics", "UmbelFormats", "UmbelNames",
                "UmbelTensor", "UmbelPOSIX",
            ]),

        // Floor 5: routes · bodies · the Problem table.
        floor(
            "UmbelServer",
            on: [
                "UmbelEngine", "UmbelHTTP", "UmbelRegistry", "UmbelStatistics", "UmbelAdapters", "UmbelModels",
                "UmbelImages", "UmbelNames", "UmbelFormats", "UmbelTensor", "UmbelPOSIX", logging, httpTypes,
            ]),

        // Floor 6: settings, wiring, signals, drain.
        .executableTarget(
            name: "umbel",
            dependencies: [
                "UmbelServer", "UmbelClient", "UmbelEngine", "UmbelHTTP", "UmbelRegistry", "UmbelAdapters",
                "UmbelModels", "UmbelNames", "UmbelFormats", "UmbelTensor", "UmbelPOSIX", arguments, logging, httpTypes,
                yams,
            ],
            swiftSettings: strict),
        // Measuring, and what it is measured against.
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .target(name: "CUmbelBench", path: "Benchmarks/CUmbelBench", cSettings: kernelSettings),
        .executableTarget(
            name: "umbel-bench",
            dependencies: [
                "UmbelAdapters", "UmbelModels", "UmbelFormats", "UmbelNames", "UmbelTensor", "UmbelPOSIX",
                "CUmbelBench", "COpenBLAS", arguments,
            ],
            path: "Benchmarks/umbel-bench",
            swiftSettings: strict),

        // What tests share: factories, goldens, comparisons.
        .target(
            name: "UmbelTesting",
            dependencies: [
                "UmbelEngine", "UmbelModels", "UmbelRegistry", "UmbelAdapters", "UmbelNames", "UmbelFormats",
                "UmbelTensor", "UmbelPOSIX",
            ],
            path: "Tests/UmbelTesting"),
        tests("UmbelStatisticsTests", on: ["UmbelStatistics", "UmbelTesting"]),
        tests("UmbelRegistryTests", on: ["UmbelRegistry", "UmbelTesting", "UmbelFormats", "UmbelPOSIX"]),
        tests("UmbelHTTPTests", on: ["UmbelHTTP", "UmbelPOSIX", httpTypes]),
        tests("UmbelClientTests", on: ["umbel", "UmbelClient", "UmbelHTTP", "UmbelFormats", "UmbelPOSIX", httpTypes]),
        .testTarget(
            name: "UmbelNamesTests", dependencies: ["UmbelNames"], exclude: ["Fixtures"], swiftSettings: strict),
        .testTarget(
            name: "UmbelImagesTests", dependencies: ["UmbelImages", "UmbelTesting"], exclude: ["Fixtures"],
            swiftSettings: testing),
        tests("PEFTTunerTests", on: ["UmbelTesting", "UmbelAdapters", "UmbelFormats", "UmbelNames", "UmbelTensor"]),
        tests("UmbelTensorTests", on: ["UmbelTesting", "CUmbelKernels", "UmbelTensor"]),
        tests("UmbelPOSIXTests", on: ["UmbelTesting", "UmbelPOSIX"]),
        tests("UmbelFormatsTests", on: ["UmbelTesting", "UmbelFormats", "UmbelTensor"]),
        tests(
            "UmbelAdaptersTests",
            on: ["UmbelTesting", "UmbelAdapters", "UmbelEngine", "UmbelNames", "UmbelFormats", "UmbelTensor"]),
        tests(
            "UmbelEngineTests",
            on: [
                "UmbelTesting", "UmbelEngine", "UmbelRegistry", "UmbelStatistics", "UmbelAdapters", "UmbelModels",
                "UmbelNames", "UmbelFormats", "UmbelTensor", "UmbelPOSIX",
            ]),
        tests(
            "UmbelServerTests",
            on: [
                "UmbelTesting", "UmbelServer", "UmbelRegistry", "UmbelStatistics", "UmbelEngine", "UmbelHTTP",
                "UmbelAdapters", "UmbelModels", "UmbelImages", "UmbelFormats", "UmbelPOSIX", logging, httpTypes,
            ]),
        .testTarget(
            name: "UmbelModelsTests",
            dependencies: [
                "UmbelModels", "CUmbelKernels", "CUmbelCompute", "UmbelFormats", "UmbelNames", "UmbelTensor",
                "UmbelPOSIX",
            ],
            path: "Tests/UmbelModelsTests", exclude: ["Fixtures"], swiftSettings: testing),
        tests("SettingsTests", on: ["umbel", "UmbelTesting"]),
        tests("BlackBoxTests", on: ["umbel", "UmbelFormats", "UmbelTensor", "UmbelPOSIX"]),
        tests(
            "ConformanceTests",
            on: [
                "UmbelTesting", "UmbelServer", "UmbelEngine", "UmbelRegistry", "UmbelAdapters", "UmbelModels",
                "UmbelNames", "UmbelFormats", "UmbelTensor", "UmbelPOSIX",
            ]),
    ],
    swiftLanguageModes: [.v6]
)
