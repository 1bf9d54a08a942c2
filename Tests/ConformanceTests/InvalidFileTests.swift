import Foundation
import Testing
import UmbelAdapters
import UmbelEngine
import UmbelFormats
import UmbelRegistry
import UmbelServer
import UmbelTesting

/// Every damaged or odd file of the corpus, through the door that an upload takes: verdict, code, and a sentence that
/// names the fault.
@Suite("Invalid files")
struct InvalidFileTests {
    struct Manifest: Decodable {
        struct File: Decodable, Sendable, CustomTestStringConvertible {
            let file: String
            let kind: String
            let base: String?
            let code: String
            let expect: String

            var testDescription: String { file }
        }

        let base: String
        let files: [File]
    }

    static let manifest = try? Goldens.decode("invalid/manifest.json", as: Manifest.self)
    static let files = manifest?.files ?? []

    private static let up = "lycoris_enc_blocks_0_attn_to_q.lora_up.weight"
    private static let down = "lycoris_enc_blocks_0_attn_to_q.lora_down.weight"
    private static let query = "lycoris_enc_blocks_0_attn_to_q"

    /// What the sentence has to contain.
    static let facts: [String: [String]] = [
        "empty.safetensors": ["empty"],
        "five_bytes.safetensors": ["5 bytes"],
        "header_truncated.safetensors": ["60"],
        "header_len_max.safetensors": ["18446744073709551615", "100000000"],
        "header_len_over_limit.safetensors": ["100000001", "100000000"],
        "header_not_json.safetensors": ["header", "byte"],
        "header_array.safetensors": ["object"],
        "header_not_utf8.safetensors": ["UTF-8"],
        "duplicate_tensor.safetensors": ["lora_"],
        "metadata_number.safetensors": ["metadata"],
        "deep_nesting.safetensors": ["deep"],
        "offsets_overlap.safetensors": [up, down],
        "offsets_gap.safetensors": ["Bytes"],
        "data_truncated.safetensors": [query, "truncated"],
        "trailing_bytes.safetensors": ["after the last tensor"],
        "offsets_reversed.safetensors": [query, "after its end"],
        "size_mismatch.safetensors": [query, "384", "480"],
        "dtype_unknown.safetensors": [query, "F31"],
        "shape_negative.safetensors": [query, "-24"],
        "shape_overflow.safetensors": [query, "shape"],
        "shape_fraction.safetensors": [query, "24.5"],
        "pickle_zip.safetensors": ["pickle", "never opened"],
        "missing_down.safetensors": [query, "lora_down.weight"],
        "rank_mismatch.safetensors": [query, "3", "4"],
        "rank_one_up.safetensors": [query, "1", "4"],
        "shape_mismatch.safetensors": ["44", "40"],
        "kernel_mismatch.safetensors": ["5, 5", "3, 3"],
        "nan_weight.safetensors": [down],
        "inf_alpha.safetensors": [query, "alpha"],
        "huge_alpha.safetensors": ["enc.blocks.0.attn.to_q.weight", "finite"],
        "unknown_key.safetensors": [],
        "unknown_algorithm.safetensors": [query, "vera_lambda_b", "vera_lambda_d"],
        "other_architecture.safetensors": ["None of the adapter's"],
        "rank_zero.safetensors": [query, "no elements"],
        "integer_weight.safetensors": [up, "I64"],
        "lokr_wrong_product.safetensors": [query, "25, 24", "24, 24"],
        "oft_wrong_blocks.safetensors": [query, "5, 4, 4", "24"],
        "loha_half_tucker.safetensors": ["lycoris_down_conv_in", "hada_t2"],
        "dora_wrong_length.safetensors": [query, "23", "24"],
        "base_inf.safetensors": ["weight", "infinity"],
        "base_header_only.safetensors": ["no tensors"],
        "ambiguous_name.safetensors": ["lycoris_a_b_c", "a.b_c", "a_b.c"],
    ]

    @Test("The corpus is there")
    func corpusIsComplete() {
        #expect(Self.files.count == 48)
        let refused = Set(Self.files.filter { $0.expect != "accept" }.map(\.file))
        #expect(refused == Set(Self.facts.keys), "every refused file has facts to look for")
    }

    @Test("An adapter gets its verdict", arguments: files.filter { $0.kind == "adapter" })
    func adapterGetsItsVerdict(_ item: Manifest.File) throws {
        let folder = try TemporaryFolder()
        let basePath = Goldens.path("invalid/\(item.base ?? (Self.manifest?.base ?? ""))")
        let base = try BaseModel(name: "base", path: basePath)
        let store = try AdapterStore(folder: folder.path)
        let engine = Engine(
            bases: [base], adapters: store, traffic: try TrafficTable(store), cacheBytes: 1 << 24,
            pool: MergeResult.pool)
        let upload = try engine.adapters.beginUpload()
        let bytes = try Data(contentsOf: URL(filePath: Goldens.path("invalid/\(item.file)")))
        try bytes.withUnsafeBytes { try upload.write($0) }
        try upload.finish()
        do {
            let stored = try engine.add(upload, as: "adapter", options: AdapterOptions()) { _ in }
            #expect(item.expect == "accept", "stored although \(item.code)")
            #expect(stored.isNew)
            let variant = try engine.variant("base+adapter")
            #expect(try engine.cache.makeResident(variant) == .made, "was not resident before")
        } catch {
            let problem = Problem(error)
            #expect(item.expect != "accept", "refused: \(problem.detail)")
            // Where a warning would do, the refusal speaks of the partial match, and its list names the key.
            let codes = [problem.code] + problem.errors.compactMap { $0["code"]?.string }
            #expect(codes.contains(item.code), "\(codes) instead of \(item.code)")
            let words = problem.detail + problem.errors.map(\.text).joined()
            for fact in Self.facts[item.file] ?? [] { #expect(words.contains(fact), "\(words)") }
            #expect(problem.status.code >= 400 && problem.status.code < 500)
            #expect(engine.adapters.all().isEmpty, "a refused upload leaves nothing behind")
            #expect(folder.names(in: "blobs").isEmpty)
        }
    }

    @Test("A base gets its verdict", arguments: files.filter { $0.kind == "base" })
    func baseGetsItsVerdict(_ item: Manifest.File) throws {
        do throws(BaseError) {
            let base = try BaseModel(name: "base", path: Goldens.path("invalid/\(item.file)"))
            try base.checkFinite(pool: MergeResult.pool)
            #expect(item.expect == "accept", "opened although \(item.code)")
        } catch {
            let code: String
            switch error {
            case .notFinite: code = "non_finite"
            case .noTensors: code = "no_tensors"
            case .file(_, let error): code = error.code
            default: code = "\(error)"
            }
            #expect(code == item.code)
            for fact in Self.facts[item.file] ?? [] { #expect(error.sentence.contains(fact), "\(error.sentence)") }
        }
    }
}
