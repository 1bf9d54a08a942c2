internal import HTTPTypes
internal import UmbelAdapters
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelImages
internal import UmbelModels
internal import UmbelPOSIX
internal import UmbelRegistry

extension Problem {
    /// What to tell a client about any error that a request can meet.
    package init(_ error: any Error) {
        switch error {
        case let error as EngineError: self.init(engine: error)
        case let error as RegistryError: self.init(registry: error)
        case let error as RequestError: self.init(request: error)
        case let error as HubCommitError: self.init(commit: error)
        case let error as LoadingError: self.init(loading: error)
        case let error as BodyError: self.init(body: error)
        case let error as MultipartError: self.init(multipart: error)
        case let error as MergeError: self.init(merge: error)
        case let error as SystemError: self.init(system: error)
        case let error as BaseError: self.init(base: error)
        case let error as DrawingJobError: self.init(drawing: error)
        case let error as ModelError: self.init(model: error)
        case let error as SweepError: self.init(sweep: error)
        case let error as PromptNetworkError: self.init(network: error)
        case let error as NetworkTagError: self.init(tag: error)
        case let error as PictureInputError: self.init(input: error)
        case let error as PictureError: self.init(picture: error)
        default: self.init(.internalServerError, "internal", "Internal error", "An unexpected error: \(error)")
        }
    }

    /// What to tell a client whose request did not get as far as a route.
    init(refusing refusal: Refusal) {
        let code =
            switch refusal {
            case .malformedRequestLine: "request_line_malformed"
            case .malformedHeader: "header_malformed"
            case .ambiguousFraming: "framing_ambiguous"
            case .missingHost: "host_missing"
            case .requestLineTooLong: "request_line_too_long"
            case .headersTooLarge, .tooManyHeaders: "headers_too_large"
            case .unknownTransferCoding: "transfer_coding_unknown"
            case .unsupportedMethod: "method_unsupported"
            case .unsupportedVersion: "version_unsupported"
            case .unknownExpectation: "expectation_unknown"
            case .headTimeout: "head_timeout"
            case .overloaded: "overloaded"
            case .tooManyConnections: "too_many_connections"
            }
        let detail = refusal.detail
        self.init(refusal.status, code, refusal.status.reasonPhrase, detail.prefix(1).uppercased() + detail.dropFirst())
        if status == .serviceUnavailable { headers[.retryAfter] = "1" }
    }

    private init(engine error: EngineError) {
        switch error {
        case .base(let name, let error):
            self.init(.internalServerError, "base_unusable", "Base unusable", "Base “\(name)”: \(error.sentence)")
        case .baseBeingRead(let name):
            self.init(
                .serviceUnavailable, "not_ready", "Not ready",
                "Base “\(name)” is being read for the first time, and many requests wait for that already")
            headers[.retryAfter] = "1"
        case .system(let error): self.init(system: error)
        case .registry(let error): self.init(registry: error)
        case .unreadableContent(let name, let digest, let cause):
            self.init(
                .insufficientStorage, "content_unreadable", "Content unreadable",
                "The content sha256:\(digest) of “\(name)” cannot be read: \(Problem(engine: cause).detail)")
        case .adapterFile(let error):
            let isForeign = error.code == "not_safetensors"
            self.init(
                isForeign ? .unsupportedMediaType : .badRequest, error.code,
                isForeign ? "Not a safetensors file" : "Malformed safetensors file", error.sentence)
        case .adapter(let error): self.init(adapter: error)
        case .binding(let refusal, let reports): self.init(refusal: refusal, reports: reports)
        case .merge(let error): self.init(merge: error)
        case .combination(let error), .reference(.combination(let error)): self.init(combination: error)
        case .embedding(let error):
            self.init(.unprocessableContent, "embedding_invalid", "Not an embedding", error.sentence)
        case .embeddingMisfit(let tensor, let widths, let bases):
            self.init(misfit: tensor, widths: widths, bases: bases)
        case .embeddingScale(let name):
            self.init(
                .badRequest, "invalid_reference", "Invalid model reference",
                "“\(name)” is a textual inversion and has no scale; a prompt weighs its word, as (\(name):0.8)")
        case .invalidName(let name):
            self.init(
                .badRequest, "invalid_name", "Invalid name",
                "“\(name)” is no name: letters, digits, “.”, “_” and “-”, at most 96, beginning with a letter or digit")
        case .invalidTag(let tag):
            self.init(
                .badRequest, "invalid_tag", "Invalid tag",
                "“\(tag)” is no tag: a name of at most 96 characters that is not made of hexadecimal digits alone")
        case .notAFile(let path):
            self.init(
                .unprocessableContent, "not_a_file", "Not a file",
                "“\(path)” is a link or no regular file; links in the watched folder are not followed")
        case .nameClash(let name, let path, let other):
            self.init(
                .conflict, "name_clash", "Name taken", "“\(path)” and “\(other)” would both be called “\(name)”")
        case .tooManyLabels(let limit):
            self.init(.badRequest, "too_many_labels", "Too many labels", "An adapter has at most \(limit) labels")
        case .reference(let error):
            self.init(.badRequest, "invalid_reference", "Invalid model reference", error.sentence)
        case .unknownBase(let name):
            self.init(.notFound, "unknown_model", "Unknown model", "There is no base “\(name)”")
        case .unknownAdapter(let name):
            self.init(.notFound, "unknown_adapter", "Unknown adapter", "There is no adapter “\(name)”")
        case .unknownVariant(let id):
            self.init(.notFound, "unknown_variant", "Unknown variant", "There is no variant “\(id)”")
        case .variantGone(let id, let reference):
            self.init(
                .notFound, "variant_gone", "Variant gone",
                "Variant “\(id)” was \(reference), and not all of that is stored any more")
        case .notOneBase(let adapters, let bases):
            let fits = bases.isEmpty ? "no base" : "the bases \(bases.quoted)"
            self.init(
                .conflict, "base_ambiguous", "Base ambiguous",
                "A model name without a base needs exactly one that fits; \(adapters.quoted) fit \(fits). Write base+adapter"
            )
        case .unknownFile(let model, let path):
            self.init(.notFound, "unknown_file", "Unknown file", "“\(model)” has no file “\(path)”")
        case .ambiguousDigest(let adapter, let prefix):
            self.init(
                .conflict, "ambiguous_digest", "Ambiguous digest",
                "Several contents have a digest that begins with “\(prefix)”, and “\(adapter)” is none of them")
        case .preconditionFailed(let adapter, let digest):
            let state = digest.map { "points to sha256:\($0)" } ?? "does not exist"
            self.init(.preconditionFailed, "precondition_failed", "Precondition failed", "“\(adapter)” \(state)")
        case .overBudget(let bytes, let budget):
            self.init(
                .unprocessableContent, "over_budget", "Too large to be pinned",
                "The merged tensors take \(bytes) bytes and one pin at most \(budget), half of the cache; without “pin” the variant is served all the same"
            )
        case .pinsFull(let bytes, let pinned, let slot, let budget):
            self.init(
                .conflict, "pins_full", "No room for another pin",
                "The merged tensors take \(bytes) bytes and \(pinned) are pinned already; of the cache's \(budget), \(slot) stay free for what is not pinned. Unpin or delete a variant"
            )
        case .noBaseFits:
            self.init(
                .unprocessableContent, "no_base", "No base",
                "No base is resident to check the adapter against; use ?base=none")
        case .differentBases(let a, let b):
            self.init(
                .unprocessableContent, "different_bases", "Different bases",
                "One model is on base “\(a)” and the other on “\(b)”; only models of one base can be compared")
        case .unknownPlace(let place):
            self.init(.badRequest, "unknown_component", "Unknown component", "No base has a component “\(place)”")
        case .blockWeights(let count, let adapter):
            self.init(
                .badRequest, "invalid_reference", "Invalid model reference",
                "“\(adapter)” has factors of \(count) blocks (lbw): 17 or 26 for SD 1 and 2, 12 or 20 for SDXL")
        case .cannotDraw(let base, let error): self.init(cannotDraw: base, error)
        case .drawing(let error): self.init(model: error)
        case .internalInconsistency(let what): self.init(.internalServerError, "internal", "Internal error", what)
        case .traffic(let error): self.init(traffic: error)
        }
    }

    private init(adapter error: AdapterError) {
        switch error {
        case .noTensors:
            self.init(.unprocessableContent, "no_tensors", "No tensors", "The file holds no tensors")
        case .config(let error):
            let status: HTTPResponse.Status = error.isAboutMethod ? .unprocessableContent : .badRequest
            self.init(
                status, error.code, error.isAboutMethod ? "Not mergeable" : "Malformed adapter_config.json",
                error.sentence)
        case .module(let error):
            self.init(.unprocessableContent, error.code, "Adapter not mergeable", error.sentence)
            errors = [error.json]
        case .duplicateRole(let module, let keys):
            self.init(
                .unprocessableContent, "module_ambiguous", "Adapter not mergeable",
                "“\(module)” has two tensors for the same factor: \(keys.quoted)")
            errors = keys.map { ["code": "module_ambiguous", "key": .string($0)] }
        }
    }

    private init(refusal: BindingRefusal, reports: [(base: String, report: BindingReport)]) {
        let best = reports.first
        let base = best?.base ?? ""
        let report = best?.report ?? BindingReport()
        switch refusal {
        case .noModuleMatched(let count):
            self.init(
                .unprocessableContent, "no_module_matched", "Adapter fits no base",
                "None of the adapter's \(count) modules is in \(reports.map(\.base).quoted)")
        case .nothingToMerge:
            self.init(
                .unprocessableContent, "nothing_to_merge", "Nothing to merge",
                "The adapter is a textual inversion: it has words for prompts and changes no weights. Drawings may use its words without naming it in the model"
            )
        case .modulesDoNotFit:
            let first = report.errors.first
            self.init(
                .unprocessableContent, first?.code ?? "shape_mismatch", "Adapter does not fit",
                "\(report.errors.count) of \(report.modules) modules do not fit base “\(base)”; the first: \(first?.sentence ?? "")"
            )
        case .ambiguous:
            let first = report.ambiguities.first
            self.init(
                .unprocessableContent, "module_ambiguous", "Ambiguous module names",
                "\(first?.stems.quoted ?? "") may mean \(first?.modules.quoted ?? "") of base “\(base)”; a prefix such as lora_te1=text_encoder can settle it"
            )
        case .partialMatch:
            let unmatched = report.unmatched.count
            self.init(
                .unprocessableContent, "partial_match", "Adapter matches only in part",
                "\(report.matches.count) of \(report.modules) modules fit base “\(base)”; \(unmatched) modules and \(report.unknownKeys.count) further keys find no place. Allow it with allow_unmatched"
            )
        }
        errors = reports.flatMap { AdapterView.problems(of: $0.report, base: $0.base) }
    }

    private init(misfit tensor: String, widths: [Int], bases: [(base: String, widths: [Int])]) {
        func text(_ widths: [Int]) -> String { widths.map(String.init).joined(separator: " and ") }
        let takes = bases.map { base, widths in
            widths.isEmpty ? "“\(base)” has no text encoder for it" : "“\(base)” takes \(text(widths))"
        }
        self.init(
            .unprocessableContent, "embedding_misfit", "Embedding fits no base",
            "The embedding has \(text(widths)) numbers a vector, and \(takes.joined(separator: ", ")); the first that does not fit is “\(tensor)”"
        )
        errors = bases.map { ["base": .string($0.base), "code": "embedding_misfit", "key": .string(tensor)] }
    }

    private init(merge error: MergeError) {
        self.init(.unprocessableContent, error.code, "Merge impossible", error.sentence)
    }

    private init(combination error: CombinationError) {
        if case .notCombinable(_, let module, _) = error {
            self.init(.unprocessableContent, "not_combinable", "Adapters not combinable", error.sentence)
            errors = [["code": "not_combinable", "module": .string(module)]]
        } else {
            self.init(.badRequest, "invalid_combination", "Invalid combination", error.sentence)
        }
    }

    init(system error: SystemError) {
        if error.isDiskFull {
            self.init(.insufficientStorage, "disk_full", "Disk full", "The disk is full; nothing was changed")
        } else {
            self.init(
                .internalServerError, "system", "System error", "\(error.call) of \(error.subject): \(error.message)")
        }
    }

    private init(base error: BaseError) {
        self.init(.unprocessableContent, "base_unusable", "Base unusable", error.sentence)
    }

    private init(body error: BodyError) {
        switch error {
        case .tooLarge(let limit):
            self.init(.contentTooLarge, "body_too_large", "Body too large", "The body is longer than \(limit) bytes")
        case .malformed(let reason):
            self.init(.badRequest, "body_malformed", "Malformed body", "The body is malformed: \(reason)")
        case .stalled: self.init(.requestTimeout, "body_stalled", "Body stalled", "The body stopped arriving")
        case .disconnected: self.init(.badRequest, "body_incomplete", "Incomplete body", "The body ended early")
        }
    }

    private init(multipart error: MultipartError) {
        if case .body(let error) = error {
            self.init(body: error)
        } else {
            self.init(.badRequest, "multipart_malformed", "Malformed form", "The multipart form is malformed: \(error)")
        }
    }

    private init(commit error: HubCommitError) {
        switch error {
        case .notBase64:
            self.init(
                .badRequest, "content_malformed", "Malformed content",
                "The content of a file in the commit is not base64, or “encoding” is not “base64”")
        case .unsupported(let key):
            self.init(
                .badRequest, "commit_unsupported", "Commit not supported",
                "A commit may hold files in base64 and deletions, not “\(key)”")
        case .severalTensorFiles(let first, let second):
            self.init(
                .unprocessableContent, "several_tensor_files", "Several tensor files",
                "An adapter is one .safetensors file, and the commit has “\(first)” and “\(second)”")
        case .noTensors:
            self.init(
                .unprocessableContent, "no_tensors", "No tensors",
                "The first commit of an adapter must hold its .safetensors file")
        case .deletesTensors(let adapter):
            self.init(
                .unprocessableContent, "no_tensors", "No tensors",
                "A commit cannot leave “\(adapter)” without tensors; DELETE /v1/adapters/\(adapter) removes it")
        case .otherBranch(let name):
            self.init(
                .badRequest, "branch_unsupported", "No such branch",
                "Adapters have the one branch “main” and no pull requests; “\(name)” cannot be written to")
        case .baseIsReadOnly(let name):
            self.init(
                .forbidden, "base_read_only", "Bases are read-only",
                "“\(name)” is a base and cannot be written to; upload the adapter under a name of its own")
        case .notAModel(let type):
            self.init(
                .badRequest, "invalid_field", "Invalid field", "“type” is “\(type)”, and only models are kept here")
        case .exists(let adapter, let url):
            self.init(
                .conflict, "adapter_exists", "Adapter exists", "There is an adapter “\(adapter)” already")
            extensions = [.init("url", .string(url))]
        }
    }

    private init(loading error: LoadingError) {
        switch error {
        case .alreadyLoaded(let name):
            self.init(
                .badRequest, "adapter_loaded", "Adapter loaded already",
                "The adapter “\(name)” is loaded already; load_inplace points the name to new content")
        case .nameOfBase(let name):
            self.init(.badRequest, "invalid_name", "Invalid name", "“\(name)” is the name of a base")
        case .scale(let id):
            self.init(
                .badRequest, "invalid_field", "Invalid field",
                "The scale of adapter \(id) must be \(Scale.description)")
        case .unknownID(let text):
            self.init(
                .badRequest, "invalid_field", "Invalid field",
                "There is no adapter with the id \(text), or it is named twice; GET /lora-adapters lists them")
        }
    }

    private init(request error: RequestError) {
        switch error {
        case .noSuchPath(let target):
            self.init(.notFound, "no_such_path", "No such path", "Nothing is served at “\(target)”; see /openapi.json")
        case .methodNotAllowed(let allowed):
            let names = Router.allowHeader(allowed)
            self.init(.methodNotAllowed, "method_not_allowed", "Method not allowed", "This path takes \(names)")
            headers[.allow] = names
        case .unknownParameter(let name, let nearest):
            let hint = nearest.map { "; did you mean “\($0)”?" } ?? ""
            self.init(
                .badRequest, "unknown_parameter", "Unknown parameter", "There is no parameter “\(name)” here\(hint)")
        case .invalidParameter(let name, let value, let expected):
            self.init(
                .badRequest, "invalid_parameter", "Invalid parameter", "“\(name)” is “\(value)”, expected \(expected)")
        case .invalidJSON(let error): self.init(.badRequest, "invalid_json", "Malformed JSON", error.sentence)
        case .missingField(let name):
            self.init(.badRequest, "missing_field", "Missing field", "The field “\(name)” is missing")
        case .invalidField(let name, let expected):
            self.init(.badRequest, "invalid_field", "Invalid field", "“\(name)” must be \(expected)")
            errors = [["code": "invalid_field", "field": .string(name)]]
        case .unknownField(let name, let nearest):
            let hint = nearest.map { "; did you mean “\($0)”?" } ?? ""
            self.init(.badRequest, "unknown_field", "Unknown field", "There is no field “\(name)”\(hint)")
        case .unsupportedMediaType(let type):
            self.init(
                .unsupportedMediaType, "unsupported_media_type", "Unsupported media type",
                "“\(type)” is not taken here; send multipart/form-data, or PUT the file itself to /v1/adapters/{name}")
        case .multipartWithoutFile:
            self.init(
                .badRequest, "missing_file", "Missing file",
                "The form holds no .safetensors file: add -F file=@adapter.safetensors")
        case .lengthRequired:
            self.init(
                .lengthRequired, "length_required", "Length required",
                "The request has no body: send the file with Content-Length or chunked")
        case .digestMismatch(let expected, let actual):
            self.init(
                .badRequest, "digest_mismatch", "Digest mismatch",
                "The body is sha256:\(actual), not sha256:\(expected)")
        case .busy:
            self.init(.serviceUnavailable, "busy", "Busy", "Too many merges are under way")
            headers[.retryAfter] = "1"
        case .verificationFailed(let report):
            self.init(
                .internalServerError, "verification_failed", "Verification failed",
                "\(VerificationView.errors(report).count) contents are not what they must be; what was wrong in memory has been let go"
            )
            errors = VerificationView.errors(report)
        case .notReady(let state):
            self.init(.serviceUnavailable, "not_ready", "Not ready", "The service is \(state)")
            headers[.retryAfter] = "1"
        case .baseUnusable(let name, let error):
            self.init(.serviceUnavailable, "base_unusable", "Base unusable", "Base “\(name)”: \(error.sentence)")
        }
    }
}
