internal import HTTPTypes
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelRegistry

/// The calls by which clients of vLLM and of SGLang load and unload adapters.
///
/// "Loaded" means here that the name points to the content in the registry: it is there after a restart, has a generation,
/// and may be used as `base+name`, or by itself where it fits one base. Fields that are not known are ignored, because the
/// two projects add to theirs.
enum LoRARoutes {
    static let all = [
        Route(
            .post, "/v1/load_lora_adapter",
            "vLLM: point a name to an adapter {\"lora_name\", \"lora_path\", \"load_inplace\"}",
            dialect: .inferenceServer, handler: load),
        Route(
            .post, "/v1/unload_lora_adapter", "vLLM: forget a name {\"lora_name\"}", dialect: .inferenceServer,
            handler: unload),
        Route(
            .post, "/load_lora_adapter",
            "SGLang: point a name to an adapter {\"lora_name\", \"lora_path\", \"pinned\"}",
            dialect: .sglang, handler: loadPinned),
        Route(
            .post, "/unload_lora_adapter", "SGLang: forget a name {\"lora_name\"}", dialect: .sglang,
            handler: unloadPinned),
    ]

    // MARK: vLLM

    private static func load(_ call: Call) throws -> Response {
        let body = try call.json()
        let name = try text("lora_name", body)
        try store(name, from: try text("lora_path", body), inPlace: try flag("load_inplace", body), call)
        return success("Success: LoRA adapter '\(name)' added successfully.")
    }

    private static func unload(_ call: Call) throws -> Response {
        // The id that vLLM counts adapters by may come too; the name decides.
        let name = try text("lora_name", try call.json())
        try forget(name, call)
        return success("Success: LoRA adapter '\(name)' removed successfully.")
    }

    private static func success(_ text: String) -> Response {
        Response(.ok, contentType: "text/plain; charset=utf-8", text)
    }

    // MARK: SGLang

    private static func loadPinned(_ call: Call) throws -> Response {
        let body = try call.json()
        let name = try text("lora_name", body)
        let isPinned = try flag("pinned", body)
        let record = try store(name, from: try text("lora_path", body), inPlace: false, call)
        guard isPinned else { return loaded(call) }
        do {
            let model = ResolvedModel(variant: try variant(of: name, call))
            try call.engine.publish(model.variant)
            _ = try call.engine.cache.makeResident(model.variant, pin: true)
            return loaded(call, headers: model.headers(call))
        } catch {
            // The name is new, so without it everything is as it was; unless somebody has pointed it elsewhere meanwhile.
            try? forget(name, call, only: record)
            throw error
        }
    }

    private static func unloadPinned(_ call: Call) throws -> Response {
        let name = try text("lora_name", try call.json())
        guard call.engine.adapters.record(name) != nil else { throw EngineError.unknownAdapter(name) }
        try forget(name, call)
        return loaded(call)
    }

    /// What an adapter makes of the one base that it fits. Not `Call.model`, for a route may have the same name.
    private static func variant(of name: String, _ call: Call) throws -> Variant {
        try call.engine.variant(call.engine.completed(ModelReference(base: name, terms: [])))
    }

    /// What SGLang answers to both calls: every adapter that is there now.
    private static func loaded(_ call: Call, headers: HTTPFields = [:]) -> Response {
        let adapters = call.engine.adapters.all().map { JSON.Member($0.name, .string("sha256:" + $0.digest)) }
        return .json(
            .ok, ["success": true, "error_message": "", "loaded_adapters": .object(adapters)], headers: headers)
    }

    // MARK: Both

    /// Checks and stores what a path names under a name, as an upload would.
    @discardableResult
    private static func store(
        _ name: String, from path: String, inPlace: Bool, _ call: Call
    ) throws -> AdapterRecord {
        guard Name.isValid(name) else { throw EngineError.invalidName(name) }
        let engine = call.engine
        guard engine.base(name) == nil else { throw LoadingError.nameOfBase(name) }
        guard inPlace || engine.adapters.record(name) == nil else { throw LoadingError.alreadyLoaded(name) }
        let source = try AdapterSource(path, call)
        return try engine.add(source.upload, as: name, options: source.options) { (old) throws(EngineError) in
            guard inPlace || old == nil else { throw .preconditionFailed(adapter: name, digest: old?.digest) }
        }.record
    }

    /// As `DELETE /v1/adapters/{name}`: not while a route uses it. A pin on what it makes of its base goes with it, unless
    /// another name has the same content.
    ///
    /// - Parameter only: what the name must point to still.
    private static func forget(_ name: String, _ call: Call, only: AdapterRecord? = nil) throws {
        let engine = call.engine
        // One that fits several bases was never pinned through these doors.
        let variant = engine.adapters.record(name) == nil ? nil : try? variant(of: name, call)
        defer {
            let digests = variant?.reference.terms.compactMap(\.digestPrefix) ?? []
            let isShared = engine.adapters.all().contains { digests.contains($0.digest) }
            let isPinned = variant.flatMap { engine.cache.info($0.id)?.pinned } ?? false
            if let variant, isPinned, !isShared { _ = engine.cache.remove(variant.id) }
        }
        try engine.remove(name) { record throws(EngineError) in
            if let only, record.current != only.current {
                throw .preconditionFailed(adapter: name, digest: record.digest)
            }
            let routes = engine.routes(using: record)
            guard routes.isEmpty else { throw .traffic(.adapterInUse(adapter: name, routes: routes)) }
        }
    }

    private static func text(_ field: String, _ body: JSON) throws -> String {
        guard let value = body[field], !value.isNull else { throw RequestError.missingField(field) }
        guard let text = value.string else { throw RequestError.invalidField(name: field, expected: "a text") }
        return text
    }

    private static func flag(_ field: String, _ body: JSON) throws -> Bool {
        guard let value = body[field], !value.isNull else { return false }
        guard let flag = value.bool else { throw RequestError.invalidField(name: field, expected: "true or false") }
        return flag
    }
}
