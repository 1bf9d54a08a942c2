import Testing
import UmbelAdapters
import UmbelEngine
import UmbelRegistry
import UmbelTesting

/// What of the corpora is merged without an f32 copy of a whole weight: every single transform.
@Suite("Transforms without a copy of the weight")
struct StreamedGoldenTests {
    /// The transforms of an adapter that need the whole weight at once, by module.
    private static func copying(
        _ adapter: String, on base: BaseModel, prefixes: [String] = []
    ) throws -> (transforms: Int, copying: [String]) {
        let names = base.names(prefixes: prefixes.compactMap(Prefix.init))
        let binding = Binder.bind(try AdapterFile.open(adapter), to: base.weights, names: names)
        var count = 0
        let copying = binding.patches.compactMap { patch -> String? in
            guard case .transform(let transform, _) = patch.change else { return nil }
            count += 1
            guard case .matrix(let change) = transform, !(change is any StreamedTransform),
                !(change is any ColumnTransform)
            else { return nil }
            return "\(change)"
        }
        return (count, copying)
    }

    @Test("No algorithm of LyCORIS needs one")
    func lycoris() throws {
        var count = 0
        for item in LyCORISGoldenTests.cases {
            let base = try BaseModel(name: "base", path: Goldens.path("lycoris/\(item.base)"))
            for use in item.adapters {
                let found = try Self.copying(
                    Goldens.path("lycoris/\(use.file)"), on: base, prefixes: item.prefixes.map { "\($0)=\($1)" })
                count += found.transforms
                #expect(found.copying == [], "\(item.id)")
            }
        }
        #expect(count > 300)
    }

    @Test("No tuner of PEFT needs one")
    func peft() throws {
        var count = 0
        for item in PEFTGoldenTests.reference + PEFTGoldenTests.more {
            let base = try BaseModel(name: "base", path: item.basePath)
            for adapter in item.adapters {
                let found = try Self.copying(adapter.path, on: base)
                count += found.transforms
                #expect(found.copying == [], "\(item.id)")
            }
        }
        #expect(count > 100)
    }
}
