import Foundation
import Testing
import UmbelAdapters
import UmbelEngine
import UmbelFormats
import UmbelTensor
import UmbelTesting

/// Every trained adapter that ships with the project, merged into the small model that it was trained on.
@Suite("Merges of the small trained models")
struct ModelGoldenTests {
    struct Item: Sendable, CustomTestStringConvertible {
        let base: String
        /// File or folder name, without ending.
        let adapter: String
        let path: String

        var testDescription: String { "\(adapter) on \(base)" }

        /// demo/ORIGIN.md, tolerances: rotations, norms and decompositions amplify rounding.
        var tolerance: (atol: Double, rtol: Double) {
            let isAdditive = !["oft", "dora", "tlora"].contains { adapter.contains($0) }
            return isAdditive ? (1e-6, 1e-6) : (2e-5, 0)
        }
    }

    struct Change {
        let changeNorm: Double
        let changeSum: Double
        let mergedNorm: Double
    }

    static let demo = URL(filePath: Goldens.folder).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "demo").path

    static let items: [Item] = {
        func names(_ folder: String) -> [String] {
            ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
        }
        return names("\(demo)/adapters").flatMap { base in
            names("\(demo)/adapters/\(base)").map { name in
                Item(
                    base: base, adapter: name.replacing(".safetensors", with: ""),
                    path: "\(demo)/adapters/\(base)/\(name)")
            }
        }
    }()

    static let mergeable = items.filter { FileManager.default.fileExists(atPath: "\(demo)/bases/\($0.base)") }

    @Test("The corpus is there")
    func corpusIsComplete() {
        #expect(Self.items.count == 47)
        #expect(
            Self.items.filter { $0.base != "minilm" }.map(\.testDescription) == Self.mergeable.map(\.testDescription))
    }

    @Test("An adapter without its base here can be read", arguments: items.filter { $0.base == "minilm" })
    func foreignAdapterCanBeRead(_ item: Item) throws {
        let adapter = try AdapterFile.open(item.path)
        #expect(!adapter.modules.isEmpty)
        #expect(adapter.unknownKeys.isEmpty)
        #expect(adapter.structuralError() == nil)
    }

    @Test("A merge equals the reference", arguments: mergeable)
    func mergeEqualsReference(_ item: Item) throws {
        let golden = try SafetensorsFile(path: Goldens.path("models/\(item.base)/\(item.adapter).safetensors"))
        let merge = try MergeResult(base: "\(Self.demo)/bases/\(item.base)", adapters: [(item.path, 1)])
        try compare(merge, with: golden, prefix: "merged.", item.tolerance)
        if golden.index.entries.contains(where: { $0.name.hasPrefix("merged@0.5.") }) {
            let half = try MergeResult(base: merge.base, adapters: [(item.path, 0.5)])
            try compare(half, with: golden, prefix: "merged@0.5.", item.tolerance)
        }
        try compareChanges(merge, try Self.changes(item))
    }

    @Test("A stack of adapters equals the reference", arguments: 0..<5)
    func stackEqualsReference(_ index: Int) throws {
        struct Stacks: Decodable {
            struct Stack: Decodable {
                let order: [Use]
                let changed_tensors: Int
            }

            struct Use: Decodable {
                let name: String
                let strength: Double

                init(from decoder: any Decoder) throws {
                    var list = try decoder.unkeyedContainer()
                    name = try list.decode(String.self)
                    strength = try list.decode(Double.self)
                }
            }

            let stacks: [Stack]
        }

        let stacks = try Goldens.decode("models/shapes-sd/stacks.json", as: Stacks.self).stacks
        #expect(stacks.count == 5)
        let stack = stacks[index]
        let merge = try MergeResult(
            base: "\(Self.demo)/bases/shapes-sd",
            adapters: stack.order.map { ("\(Self.demo)/adapters/shapes-sd/\($0.name).safetensors", $0.strength) })
        #expect(merge.changed.count == stack.changed_tensors)
        let golden = try SafetensorsFile(path: Goldens.path("models/shapes-sd/stack-\(index).safetensors"))
        let isAdditive = !stack.order.contains { $0.name.contains("oft") || $0.name.contains("dora") }
        try compare(merge, with: golden, prefix: "merged.", isAdditive ? (1e-6, 1e-6) : (2e-5, 0))
    }

    private func compare(
        _ merge: MergeResult, with golden: SafetensorsFile, prefix: String, _ tolerance: (atol: Double, rtol: Double)
    ) throws {
        let entries = golden.index.entries.filter { $0.name.hasPrefix(prefix) }
        #expect(!entries.isEmpty)
        for entry in entries {
            let label = Self.label(String(entry.name.dropFirst(prefix.count)))
            let actual = try #require(merge.view(label), "\(label) is missing")
            let comparison = TensorComparison(
                actual, golden.view(entry), atol: tolerance.atol, rtol: tolerance.rtol)
            #expect(comparison.failure == nil, "\(entry.name)")
        }
    }

    private func compareChanges(_ merge: MergeResult, _ changes: [String: Change]) throws {
        for (label, change) in changes {
            let before = try #require(merge.baseView(label), "\(label) is no tensor of the base").values()
            let after = try #require(merge.view(label)).values()
            let differences = zip(after, before).map { Double($0) - Double($1) }
            let norm = differences.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let merged = after.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
            #expect(abs(norm - change.changeNorm) <= 1e-4 * change.changeNorm, "\(label): norm of the change \(norm)")
            #expect(abs(merged - change.mergedNorm) <= 1e-4 * change.mergedNorm, "\(label): norm \(merged)")
            let sum = differences.reduce(0, +)
            let slack = 1e-4 * (abs(change.changeSum) + change.changeNorm)
            #expect(abs(sum - change.changeSum) <= slack, "\(label): sum of the change \(sum)")
        }
        let expected = Set(changes.filter { $0.value.changeNorm > 0 }.keys)
        #expect(merge.changed.symmetricDifference(expected).isEmpty, "tensors that change, and no others")
    }

    /// `unet.conv_in.weight` → `unet/conv_in.weight`; a language model's names are its own.
    private static func label(_ name: String) -> String {
        for component in ["unet.", "text_encoder."] where name.hasPrefix(component) {
            return component.dropLast() + "/" + name.dropFirst(component.count)
        }
        return name
    }

    private static func changes(_ item: Item) throws -> [String: Change] {
        let single = "models/\(item.base)/\(item.adapter).changes.json"
        if FileManager.default.fileExists(atPath: Goldens.path(single)) {
            let raw = try Goldens.decode(single, as: [String: [Double]].self)
            return Dictionary(
                uniqueKeysWithValues: raw.map {
                    (label($0), Change(changeNorm: $1[0], changeSum: $1[1], mergedNorm: $1[2]))
                })
        }
        struct Entry: Decodable {
            let delta_l2: Double
            let delta_sum: Double
            let merged_l2: Double
        }
        let all = try Goldens.decode("models/\(item.base)/changes.json", as: [String: [String: Entry]].self)
        return try #require(all[item.adapter]).mapValues {
            Change(changeNorm: $0.delta_l2, changeSum: $0.delta_sum, mergedNorm: $0.merged_l2)
        }
    }
}
