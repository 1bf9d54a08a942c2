import Testing
import UmbelAdapters
import UmbelEngine
import UmbelFormats
import UmbelHTTP
import UmbelImages
import UmbelModels
import UmbelPOSIX
import UmbelRegistry
import UmbelTesting

@testable import UmbelServer

/// Every kind of error has a status, a stable code and a sentence with its facts.
@Suite("Problems")
struct ProblemTests {
    struct Item: Sendable, CustomTestStringConvertible {
        let error: any Error
        let status: Int
        let code: String
        /// What the sentence names.
        let words: [String]

        init(_ error: any Error, _ status: Int, _ code: String, _ words: String...) {
            self.error = error
            self.status = status
            self.code = code
            self.words = words
        }

        var testDescription: String { "\(code): \(error)" }
    }

    static let disk = SystemError(call: "write", subject: "/data/x", code: 28)
    static let missing = SystemError(call: "open", subject: "/data/x", code: 2)

    static let items: [Item] = [
        Item(EngineError.variantGone(id: "abc", reference: "sd+ink"), 404, "variant_gone", "abc", "sd+ink"),
        Item(EngineError.notOneBase(adapters: ["ink"], bases: ["a", "b"]), 409, "base_ambiguous", "ink", "a", "b"),
        Item(EngineError.notOneBase(adapters: ["ink"], bases: []), 409, "base_ambiguous", "ink", "no base"),
        Item(EngineError.registry(.diskFull), 507, "disk_full"),
        Item(EngineError.registry(.damaged("page 3")), 500, "registry_damaged", "page 3"),
        Item(HubCommitError.notBase64, 400, "content_malformed", "base64"),
        Item(HubCommitError.unsupported("lfsFile"), 400, "commit_unsupported", "lfsFile"),
        Item(HubCommitError.severalTensorFiles("a", "b"), 422, "several_tensor_files", "a", "b"),
        Item(HubCommitError.noTensors, 422, "no_tensors"),
        Item(HubCommitError.deletesTensors(adapter: "ink"), 422, "no_tensors", "ink"),
        Item(HubCommitError.otherBranch("dev"), 400, "branch_unsupported", "dev"),
        Item(HubCommitError.baseIsReadOnly("sd"), 403, "base_read_only", "sd"),
        Item(HubCommitError.notAModel("dataset"), 400, "invalid_field", "dataset"),
        Item(HubCommitError.exists(adapter: "ink", url: "http://x/y/ink"), 409, "adapter_exists", "ink"),
        Item(LoadingError.alreadyLoaded("ink"), 400, "adapter_loaded", "ink"),
        Item(LoadingError.nameOfBase("sd"), 400, "invalid_name", "sd"),
        Item(LoadingError.scale(id: 3), 400, "invalid_field", "3"),
        Item(LoadingError.unknownID("7"), 400, "invalid_field", "7"),
        Item(EngineError.base(name: "sd", .noTensors(path: "p")), 500, "base_unusable", "sd", "p"),
        Item(EngineError.system(disk), 507, "disk_full"), Item(EngineError.system(missing), 500, "system"),
        Item(EngineError.registry(.diskFull), 507, "disk_full", "registry.sqlite"),
        Item(RegistryError.system(disk), 507, "disk_full"),
        Item(RegistryError.system(missing), 500, "system", "/data/x"),
        Item(RegistryError.damaged("page 3"), 500, "registry_damaged", "page 3"),
        Item(RegistryError.database(code: 10, message: "I/O"), 500, "registry_failed", "10", "I/O"),
        Item(RegistryError.laterVersion, 500, "registry_failed"),
        Item(RegistryError.inconsistent("what"), 500, "registry_failed", "what"),
        Item(RegistryError.unknownBlob("00"), 404, "unknown_blob", "sha256:00"),
        Item(RegistryError.unknownRevision(name: "a", "generation 7"), 404, "unknown_revision", "a", "generation 7"),
        Item(
            RegistryError.unknownTag(name: "a", tag: "pord", known: ["prod", "test"]), 404, "unknown_tag", "a", "pord",
            "prod"),
        Item(RegistryError.nothingBefore(name: "a"), 409, "nothing_before", "a"),
        Item(
            EngineError.unreadableContent(name: "a", digest: "00", .system(missing)), 507, "content_unreadable", "a",
            "00", "/data/x"),
        Item(EngineError.adapterFile(.emptyFile), 400, "empty_file"),
        Item(EngineError.adapterFile(.notSafetensors(format: .pickle)), 415, "not_safetensors", "pickle", "never"),
        Item(EngineError.adapterFile(.notSafetensors(format: .gguf)), 415, "not_safetensors", "GGUF"),
        Item(EngineError.adapterFile(.overlap(first: "a", second: "b")), 400, "offsets_overlap", "a", "b"),
        Item(EngineError.adapter(.noTensors), 422, "no_tensors"),
        Item(EngineError.adapter(.config(.wrongType(field: "r"))), 400, "config_malformed", "r"),
        Item(EngineError.adapter(.config(.notObject)), 400, "config_malformed"),
        Item(
            EngineError.adapter(.config(.notMergeable(method: "XLORA", reason: "because"))), 422, "not_mergeable",
            "XLORA",
            "because"),
        Item(
            EngineError.adapter(.duplicateRole(module: "m", keys: ["k1", "k2"])), 422, "module_ambiguous", "m", "k1",
            "k2"),
        Item(EngineError.adapter(.module(.missingFactor(module: "m", key: "k"))), 422, "tensor_missing", "m", "k"),
        Item(
            EngineError.adapter(.module(.rankMismatch(module: "m", ranks: ["a": 3, "b": 4]))), 422, "rank_mismatch",
            "m", "a",
            "3", "b", "4"),
        Item(
            EngineError.adapter(.module(.shapeMismatch(module: "m", key: "k", shape: [5, 4], expected: "[4, 4]"))), 422,
            "shape_mismatch", "m", "k", "[5, 4]", "[4, 4]"),
        Item(
            EngineError.adapter(.module(.unsupportedDType(key: "k", dtype: .i64))), 422, "dtype_unsupported", "k", "I64"
        ),
        Item(EngineError.adapter(.module(.emptyTensor(key: "k", shape: [0, 4]))), 422, "empty_tensor", "k", "[0, 4]"),
        Item(EngineError.adapter(.module(.nonFinite(key: "k", index: 7))), 422, "non_finite", "k", "7"),
        Item(
            EngineError.adapter(.module(.unknownAlgorithm(module: "m", keys: ["k"]))), 422, "algorithm_unknown", "m",
            "k"),
        Item(
            EngineError.adapter(.module(.twoFamilies(module: "m", algorithms: ["lora", "loha"]))), 422,
            "module_ambiguous",
            "m", "lora", "loha"),
        Item(
            EngineError.adapter(.module(.noSuchParameter(module: "m", parameter: "bias"))), 422, "parameter_missing",
            "m", "bias"),
        Item(EngineError.adapter(.module(.notMergeable(module: "m", reason: "r"))), 422, "not_mergeable", "m", "r"),
        Item(
            EngineError.adapter(.module(.quantised(module: "m", tensor: "t", dtype: .i8))), 422, "quantised", "t", "I8"),
        Item(EngineError.adapter(.module(.singular(module: "m", key: "k"))), 422, "singular", "m", "k"),
        Item(EngineError.adapter(.module(.resultNotFinite(module: "m"))), 422, "non_finite", "m"),
        Item(
            EngineError.binding(.noModuleMatched(modules: 3), reports: [("sd", BindingReport())]), 422,
            "no_module_matched", "3", "sd"),
        Item(EngineError.binding(.modulesDoNotFit, reports: [("sd", BindingReport())]), 422, "shape_mismatch", "sd"),
        Item(EngineError.binding(.ambiguous, reports: [("sd", BindingReport())]), 422, "module_ambiguous", "sd"),
        Item(
            EngineError.binding(.partialMatch, reports: [("sd", BindingReport())]), 422, "partial_match", "sd",
            "allow_unmatched"),
        Item(EngineError.merge(.notFinite(tensor: "t", row: 3)), 422, "non_finite", "t", "3"),
        Item(
            EngineError.merge(.decomposition(tensor: "t", rows: 3, columns: 4)), 422, "decomposition_failed", "t", "3",
            "4"),
        Item(EngineError.invalidName("a/b"), 400, "invalid_name", "a/b"),
        Item(EngineError.invalidTag("3f"), 400, "invalid_tag", "3f"),
        Item(EngineError.notAFile("p"), 422, "not_a_file", "p"),
        Item(EngineError.nameClash(name: "n", path: "p", other: "q"), 409, "name_clash", "n", "p", "q"),
        Item(EngineError.tooManyLabels(limit: 64), 400, "too_many_labels", "64"),
        Item(EngineError.reference(.empty), 400, "invalid_reference"),
        Item(EngineError.reference(.tooLong(limit: 4096)), 400, "invalid_reference", "4096"),
        Item(EngineError.reference(.invalidScale("x")), 400, "invalid_reference", "x"),
        Item(EngineError.reference(.invalidDigest("X")), 400, "invalid_reference", "X"),
        Item(EngineError.unknownBase("b"), 404, "unknown_model", "b"),
        Item(EngineError.unknownAdapter("a"), 404, "unknown_adapter", "a"),
        Item(EngineError.unknownVariant("v"), 404, "unknown_variant", "v"),
        Item(EngineError.unknownFile(model: "m", path: "p"), 404, "unknown_file", "m", "p"),
        Item(EngineError.ambiguousDigest(adapter: "a", prefix: "0"), 409, "ambiguous_digest", "a", "0"),
        Item(EngineError.preconditionFailed(adapter: "a", digest: "00"), 412, "precondition_failed", "a", "00"),
        Item(EngineError.preconditionFailed(adapter: "a", digest: nil), 412, "precondition_failed", "a", "not exist"),
        Item(EngineError.overBudget(bytes: 10, budget: 5), 422, "over_budget", "10", "5"),
        Item(EngineError.noBaseFits, 422, "no_base", "base=none"),
        Item(EngineError.unknownPlace("x"), 400, "unknown_component", "x"),
        Item(EngineError.internalInconsistency("what"), 500, "internal", "what"),
        Item(RequestError.noSuchPath("/x"), 404, "no_such_path", "/x"),
        Item(RequestError.methodNotAllowed(allowed: [.get]), 405, "method_not_allowed", "GET", "HEAD"),
        Item(RequestError.unknownParameter(name: "dtpe", nearest: "dtype"), 400, "unknown_parameter", "dtpe", "dtype"),
        Item(
            RequestError.invalidParameter(name: "n", value: "v", expected: "e"), 400, "invalid_parameter", "n", "v", "e"
        ),
        Item(RequestError.invalidJSON(.unexpectedEnd), 400, "invalid_json"),
        Item(RequestError.missingField("f"), 400, "missing_field", "f"),
        Item(RequestError.invalidField(name: "f", expected: "e"), 400, "invalid_field", "f", "e"),
        Item(RequestError.unknownField(name: "f", nearest: "g"), 400, "unknown_field", "f", "g"),
        Item(RequestError.unsupportedMediaType("t"), 415, "unsupported_media_type", "t"),
        Item(RequestError.multipartWithoutFile, 400, "missing_file"),
        Item(RequestError.lengthRequired, 411, "length_required"), Item(RequestError.busy, 503, "busy"),
        Item(RequestError.digestMismatch(expected: "00", actual: "11"), 400, "digest_mismatch", "00", "11"),
        Item(RequestError.notReady("draining"), 503, "not_ready", "draining"),
        Item(EngineError.baseBeingRead("sd"), 503, "not_ready", "sd"),
        Item(BodyError.tooLarge(limit: 9), 413, "body_too_large", "9"),
        Item(BodyError.malformed("chunk"), 400, "body_malformed", "chunk"),
        Item(BodyError.stalled, 408, "body_stalled"),
        Item(BodyError.disconnected, 400, "body_incomplete"),
        Item(MultipartError.body(.stalled), 408, "body_stalled"),
        Item(MultipartError.truncated, 400, "multipart_malformed"),
        Item(MultipartError.badBoundary, 400, "multipart_malformed"),
        Item(BaseError.noTensors(path: "p"), 422, "base_unusable", "p"),
        Item(DrawingJobError.queueFull(limit: 3), 429, "queue_full", "3"),
        Item(DrawingJobError.tooManyWaiting(limit: 3), 429, "queue_full", "3", "respond-async"),
        Item(DrawingJobError.tooManyPixels(9, limit: 8), 422, "too_many_pixels", "9", "8"),
        Item(DrawingJobError.stopping, 503, "not_ready"), Item(DrawingJobError.noPainter, 501, "cannot_draw"),
        Item(DrawingJobError.cannotDraw(base: "b"), 422, "cannot_draw", "b"),
        Item(DrawingJobError.unknownJob("j"), 404, "unknown_job", "j"),
        Item(DrawingJobError.notCompleted(job: "j", state: "queued"), 409, "job_not_completed", "j", "queued"),
        Item(DrawingJobError.unknownPicture(job: "j", number: "7", count: 2), 404, "unknown_picture", "j", "7", "2"),
        Item(DrawingJobError.cancelled(job: "j"), 409, "drawing_cancelled", "j"),
        Item(EngineError.cannotDraw(base: "b", .missingFile("f")), 422, "cannot_draw", "b", "f"),
        Item(EngineError.drawing(.request(field: "f", value: "v", expected: "e")), 400, "invalid_field", "f", "v", "e"),
        Item(EngineError.drawing(.cancelled), 409, "drawing_cancelled"),
        Item(EngineError.drawing(.missingTensor("t")), 500, "drawing_failed", "t"),
        Item(EngineError.blockWeights(count: 3, adapter: "a"), 400, "invalid_reference", "a", "3"),
        Item(EngineError.embedding(.malformed(file: "t", reason: "r")), 422, "embedding_invalid", "t", "r"),
        Item(
            EngineError.embeddingMisfit(tensor: "t", widths: [3, 5], bases: [("b", [4]), ("c", [])]), 422,
            "embedding_misfit", "t", "3 and 5", "“b” takes 4", "“c” has no"),
        Item(EngineError.embeddingScale("a"), 400, "invalid_reference", "a", "scale"),
        Item(EngineError.binding(.nothingToMerge, reports: []), 422, "nothing_to_merge", "textual inversion"),
        Item(EngineError.reference(.stepwiseScale("0@0")), 400, "invalid_reference", "0@0", "drawing"),
        Item(EngineError.reference(.invalidSchedule("0@1")), 400, "invalid_reference", "0@1"),
        Item(EngineError.reference(.tooManyStages(limit: 16)), 400, "invalid_reference", "16"),
        Item(EngineError.reference(.invalidOption("dyn=1")), 400, "invalid_reference", "dyn=1"),
        Item(SweepError.tooManyAxes, 422, "too_many_axes"),
        Item(SweepError.tooManyCells(65, limit: 64), 422, "too_many_cells", "65", "64"),
        Item(PromptNetworkError.unknown("a", nearest: "b"), 400, "unknown_network", "a", "b"),
        Item(PromptNetworkError.dynamicRank("a"), 400, "invalid_prompt_tag", "a"),
        Item(PromptNetworkError.strength("a"), 400, "invalid_prompt_tag", "a"),
        Item(PromptNetworkError.negative, 400, "invalid_prompt_tag", "negative"),
        Item(NetworkTagError.unknownOption(tag: "a", option: "o"), 400, "invalid_prompt_tag", "a", "o"),
        Item(PictureInputError(field: "image", .unknownFormat), 400, "invalid_picture", "image", "PNG"),
        Item(PictureError.beyondFormat(.webp, width: 9, height: 8, side: 7), 422, "invalid_picture", "WebP", "9", "7"),
        Item(MergeError.notFinite(tensor: "t", row: 0), 422, "non_finite", "t"), Item(disk, 507, "disk_full"),
    ]

    @Test("An error has its status, its code, and a sentence with its facts", arguments: items)
    func problem(_ item: Item) throws {
        let problem = Problem(item.error)
        #expect(problem.status.code == item.status)
        #expect(problem.code == item.code)
        #expect(!problem.title.isEmpty && !problem.detail.isEmpty)
        for word in item.words { #expect(problem.detail.contains(word), "\(problem.detail)") }
        guard case .bytes(let bytes) = problem.response(.openAI).body else {
            Issue.record("no body")
            return
        }
        let json = try JSON(parsing: bytes)
        #expect(json["status"]?.integer == item.status && json["code"]?.string == item.code)
        #expect(json["type"]?.string == "urn:umbel:problem:\(item.code)")
        #expect(json["error"]?["message"]?.string == problem.detail, "as OpenAI's clients expect it")
    }

    @Test("Every sentence of a base's error names its path or tensor")
    func baseSentences() {
        let errors: [BaseError] = [
            .system(Self.missing), .file(path: "/data/x", .emptyFile), .json(path: "/data/x", .unexpectedEnd),
            .jsonField(path: "/data/x", field: "f"), .notABase(path: "/data/x", .noWeights),
            .missingTensor(index: "/data/x", tensor: "t"), .noTensors(path: "/data/x"),
            .notFinite(tensor: "/data/x", index: 3), .foreignFormat(path: "/data/x", .gguf),
        ]
        for error in errors { #expect(error.sentence.contains("/data/x"), "\(error.sentence)") }
    }

    @Test("The nearest spelling is found, and nothing that is far off")
    func spelling() {
        let words = ["scale", "name", "digest"]
        #expect(Spelling.nearest(to: "scal", among: words) == "scale")
        #expect(Spelling.nearest(to: "nmae", among: words) == "name")
        #expect(Spelling.nearest(to: "elephant", among: words) == nil)
        #expect(Spelling.nearest(to: "x", among: []) == nil)
        #expect(Spelling.distance(Array("kitten"), Array("sitting")) == 3)
        #expect(Spelling.distance([], Array("ab")) == 2)
    }
}
