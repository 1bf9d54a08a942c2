import Foundation
import Testing
import UmbelFormats

/// One case of the goldens: an adapter as PEFT saved it, and what PEFT merged it to.
struct GoldenCase: CustomTestStringConvertible, Sendable {
    let id: String
    let set: String
    let base: String
    let adapterFolder: String
    let strength: Double
    let expectedPath: String
    let changed: Set<String>
    let relativeTolerance: Double
    let absoluteTolerance: Double

    var testDescription: String { id }

    var baseFolder: String { "\(Self.root)/peft/bases/\(base)" }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Goldens").path()

    /// The single-adapter cases on f32 bases of one folder, `peft` or `peft-more`.
    static func all(in set: String) throws -> [GoldenCase] {
        let folder = "\(root)/\(set)"
        let index = try JSON(parsing: [UInt8](Data(contentsOf: URL(filePath: "\(folder)/index.json"))))
        return (index["cases"]?.array ?? []).compactMap { entry in
            guard entry["kind"]?.string == "single", entry["base_dtype"]?.string == "float32",
                let adapter = entry["adapters"]?.array?.first, let id = entry["id"]?.string
            else { return nil }
            return GoldenCase(
                id: id, set: set, base: entry["base"]?.string ?? "",
                adapterFolder: "\(folder)/\(adapter["dir"]?.string ?? "")",
                strength: adapter["scale"]?.double ?? 1, expectedPath: "\(folder)/\(entry["expected"]?.string ?? "")",
                changed: Set(entry["changed"]?.strings ?? []),
                relativeTolerance: entry["tolerance"]?["rtol"]?.double ?? 0,
                absoluteTolerance: entry["tolerance"]?["atol"]?.double ?? 0)
        }
    }

    /// Those whose tuners are this folder's: everything but LoRA's own variations, LoHa and LoKr.
    static let tuners: [GoldenCase] = load { id in
        [
            "adalora", "oft", "boft", "ia3", "vera", "hra", "fourierft", "ln-tuning", "trainable-tokens", "miss",
            "shira",
            "c3a", "delora", "hira", "gralora", "randlora", "road", "vblora", "glora",
        ].contains { id.hasPrefix($0) } && !coupled.contains(id)
    }

    /// Those in which LoRA meets whole tensors, token rows, a changed base or experts.
    static let besideLoRA: [GoldenCase] = load { id in
        id == "pissa-gpt2"
            || [
                "lora-llama-pissa", "lora-llama-olora", "lora-llama-modules-to-save", "lora-llama-trainable-tokens",
                "lora-qwen2-bias-all", "lora-qwen2-bias-lora-only", "lora-bert-seqcls", "lora-llama-embed-replaced",
                "lora-llama-embed-head", "lora-gptoss-experts", "lora-gptoss-experts-patterns", "lora-moe-experts",
            ].contains(id)
    }

    /// A bias that is made from its weight needs the whole merge: ConformanceTests has these.
    static let coupled: Set<String> = ["glora-qwen2", "glora-qwen2-vector"]

    /// The folders are committed: an unreadable one shows as no cases, which a test of their number reports.
    private static func load(where isOurs: (String) -> Bool) -> [GoldenCase] {
        ["peft", "peft-more"].flatMap { (try? all(in: $0)) ?? [] }.filter { isOurs($0.id) }
    }
}
