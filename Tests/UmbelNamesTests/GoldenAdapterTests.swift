import Foundation
import Testing
import UmbelNames

@Suite("Adapter files of the goldens")
struct GoldenAdapterTests {
    @Test(
        "Every style of an adapter names the same tensors, those that the merge changes, in both layouts",
        arguments: ["sd15", "sdxl", "flux", "sd3"])
    func tinyBases(base name: String) throws {
        let json = try Fixtures.json("tiny.json.gz")
        let bases = try #require(json["bases"] as? [String: [String: Any]])
        let adapters = try #require(json["adapters"] as? [[String: Any]]).filter { $0["base"] as? String == name }
        #expect(!adapters.isEmpty)
        for layout in ["diffusers", "single"] {
            let tensors = try Fixtures.tensors(bases[name]?[layout])
            let table = NameTable(catalog: BaseCatalog(tensors: tensors))
            for adapter in adapters {
                let changed = Set(try #require((adapter["changed"] as? [String: [String]])?[layout]))
                for (style, stems) in try #require(adapter["styles"] as? [String: [String]]) {
                    var weights: Set<String> = []
                    var all: Set<String> = []
                    for (stem, resolution) in zip(stems, table.resolve(stems)) {
                        let target = try #require(
                            resolution.target, "\(adapter["adapter"] ?? "") \(style) \(layout): \(stem) \(resolution)")
                        all.formUnion(target.tensorNames(in: tensors))
                        weights.formUnion(target.weight?.pieces.map { tensors[$0.tensor].path } ?? [])
                    }
                    #expect(weights.isSubset(of: changed), "\(style) \(layout)")
                    #expect(changed.isSubset(of: all), "\(style) \(layout)")
                }
            }
        }
    }

    @Test("Every stem of the PEFT and LyCORIS goldens is found, and names what the merge changes")
    func stems() throws {
        let json = try Fixtures.json("stems.json.gz")
        let bases = try #require(json["bases"] as? [String: [String: Any]])
        // A textual inversion that came along, and a module that the model lacks.
        let unknown: Set = ["bundle_emb", "lycoris_not_in_this_model"]
        for file in try #require(json["files"] as? [[String: Any]]) {
            let id = file["id"] as? String ?? ""
            let base = try #require(bases[file["base"] as? String ?? ""])
            let tensors = try Fixtures.tensors(base["tensors"])
            let table = NameTable(
                catalog: BaseCatalog(
                    tensors: tensors, modelType: base["modelType"] as? String,
                    tiesEmbeddings: base["tied"] as? Bool ?? false),
                prefixes: (file["prefixes"] as? [String: String] ?? [:]).sorted { $0.key < $1.key })
            var all: Set<String> = []
            let stems = try #require(file["stems"] as? [String])
            for (stem, resolution) in zip(stems, table.resolve(stems)) where !unknown.contains(stem) {
                if let experts = table.experts(stem) {
                    all.formUnion(
                        experts.parameters.flatMap(\.experts).flatMap(\.pieces).map { tensors[$0.tensor].path })
                    continue
                }
                let target = try #require(resolution.target, "\(id): \(stem) \(resolution)")
                all.formUnion(target.tensorNames(in: tensors))
            }
            guard let changed = file["changed"] as? [String], !changed.isEmpty else { continue }
            #expect(Set(changed).isSubset(of: all), "\(id): \(Set(changed).subtracting(all))")
        }
    }
}
