import Foundation
import UmbelAdapters
import UmbelFormats
import UmbelNames
import UmbelTensor

/// An adapter folder taken apart by the spellings of the algorithms.
struct TinyAdapter {
    private(set) var modules: [ModuleFactors] = []
    private(set) var context = AdapterContext()

    init(folder: String) throws {
        context.peft = try PEFTConfig(
            parsing: [UInt8](Data(contentsOf: URL(filePath: "\(folder)/adapter_config.json"))))
        let file = try SafetensorsFile(path: "\(folder)/adapter_model.safetensors")
        var found: [String: ModuleFactors] = [:]
        for entry in file.index.entries {
            let rest = String(entry.name.dropFirst("base_model.".count))
            guard rest.contains(".") else {
                context.shared[rest] = file.view(entry)
                continue
            }
            guard let spelling = AlgorithmList.spellings.first(where: { entry.name.hasSuffix("." + $0.suffix) }) else {
                throw UnknownKey(key: entry.name)
            }
            let stem = String(entry.name.dropLast(spelling.suffix.utf8.count + 1))
            let isExpert = stem.hasSuffix(".experts") || stem.hasSuffix(".experts.base_layer")
            let key = isExpert ? stem : stem.replacing(".base_layer", with: "")
            guard found[key, default: ModuleFactors(stem: key)].add(spelling.role, key: entry.name, file.view(entry))
            else {
                throw UnknownKey(key: entry.name)
            }
        }
        modules = found.keys.sorted().compactMap { found[$0] }
    }

    struct UnknownKey: Error {
        let key: String
    }

    /// Every patch of the adapter on a base, whole tensors first.
    mutating func patches(on base: TinyBase) throws -> [Patch] {
        context.targetedShapes = modules.compactMap { base.target(context.patternPath($0.stem)).weight?.shape }
        return try modules.flatMap { try patches(of: $0, on: base) }.enumerated()
            .sorted { ($0.element.phase, $0.offset) < ($1.element.phase, $1.offset) }.map(\.element)
    }

    private func patches(of module: ModuleFactors, on base: TinyBase) throws -> [Patch] {
        let path = context.patternPath(module.stem)
        if let experts = path.firstRange(of: ".experts"),
            experts.upperBound == path.endIndex || path.hasSuffix(".base_layer")
        {
            let parameter = path.hasSuffix(".base_layer") ? "gate_up_proj" : "down_proj"
            let owner = String(path[..<experts.upperBound])
            return try ExpertLoRA.patches(
                for: module, on: base.experts(owner, parameter: parameter), parameter: "\(owner).\(parameter)",
                inputFirst: nil,
                in: context)
        }
        let target = base.target(path)
        guard let algorithm = AlgorithmList.all.first(where: { $0.claims(module, in: context) }) else {
            throw UnknownKey(key: module.stem)
        }
        return try PEFTCompanions.patches(for: module, by: algorithm, on: target, in: context)
    }
}

extension TinyBase {
    /// Applies patches in the order given.
    mutating func merge(_ patches: [Patch], strength: Double, pool: ComputePool) throws {
        for patch in patches {
            switch (patch.change, patch.view) {
            case (.transform(let transform, _), let view?):
                let matrix = gather(view)
                try transform.apply(to: matrix, strength: strength, pool: pool)
                scatter(matrix, view)
            case (.replace(let tensor), let view?): replace(view, tensor)
            default: throw TinyAdapter.UnknownKey(key: "\(patch.change)")
            }
        }
    }
}
