internal import HTTPTypes
internal import UmbelAdapters
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelRegistry
package import UmbelTensor

/// `/v1/models`: bases and the models that adapters make of them, as virtual folders.
enum ModelRoutes {
    private static let user = Route.Parameter("user", "who asks; the same arm of a route that is sticky by user")
    private static let dtype = Route.Parameter("dtype", "f32, f16 or bf16: convert on the way out")

    static let all = [
        Route(
            .get, "/v1/models", "List the bases and the named adapters on the bases they fit", speaksOpenAI: true,
            handler: list),
        Route(
            .get, "/v1/models/{model}", "One model, its recipe resolved to digests",
            parameters: [.init("report", "true: compute what combinations lose by being cut to a rank")],
            speaksOpenAI: true, handler: get),
        Route(
            .get, "/v1/models/{model}/files", "The files of the merged model", parameters: [dtype, user], handler: files
        ),
        Route(
            .get, "/v1/models/{model}/files/{path...}",
            "One file of the merged model; any range of it costs only the tensors that it overlaps",
            parameters: [dtype, user], statuses: [200, 206, 304], isCopiedToShadows: true, handler: file),
    ]

    private static func list(_ call: Call) throws -> Response {
        var models = call.engine.bases.map { base -> JSON in
            model(base.name, root: base.name, parent: nil, created: 0)
        }
        for (record, content) in call.engine.allAdapters() {
            // One that cannot be read is told of in the list of adapters.
            guard case .success(let loaded) = content else { continue }
            let fitting = call.engine.fittingBases(loaded, record.options)
            var names = fitting.map { (id: "\($0.name)+\(record.name)", base: $0.name) }
            // Where it fits one base, the adapter's name alone means the adapter on it.
            let homes = call.engine.homeBases(loaded, record.options)
            if homes.count == 1, call.engine.base(record.name) == nil {
                names.append((record.name, homes[0].name))
            }
            for (id, base) in names {
                models.append(
                    model(
                        id, root: "\(base)+\(record.name)@\(record.digest.prefix(12))", parent: base,
                        created: record.created.seconds))
            }
        }
        for live in call.engine.traffic.all() {
            models.append(model(live.name, root: live.name, parent: nil, created: live.created))
        }
        return .json(.ok, ["object": "list", "data": .array(models)])
    }

    private static func model(_ id: String, root: String, parent: String?, created: Int) -> JSON {
        [
            "id": .string(id), "object": "model", "created": JSON(created), "owned_by": "umbel", "root": .string(root),
            "parent": JSON(parent),
        ]
    }

    private static func get(_ call: Call) throws -> Response {
        let name = call.parameter("model")
        if call.engine.base(name) == nil, let live = call.engine.traffic.route(name) {
            return .json(.ok, TrafficView.model(live, call.engine))
        }
        let model = try call.model(name)
        let reports = try call.flag("report") ? try call.engine.combinationReports(of: model.variant) : nil
        let object = VariantView.model(model.variant, name: name, reports: reports)
        return .json(.ok, object, headers: model.headers(call))
    }

    private static func files(_ call: Call) throws -> Response {
        let model = try model(call)
        return .json(.ok, VariantView.files(model.variant), headers: model.headers(call))
    }

    private static func file(_ call: Call) throws -> Response {
        let model = try model(call)
        let variant = model.variant
        let path = call.parameter("path")
        guard let file = variant.model.file(path) else {
            throw EngineError.unknownFile(model: call.parameter("model"), path: path)
        }
        let source = MergedFileSource(
            variant: variant, file: file, tensors: CachedTensors(cache: call.engine.cache, variant: variant))
        var headers = model.headers(call)
        headers[.cacheControl] = "no-cache"
        let representation = Representation(
            etag: variant.entityTag(of: path), contentType: MediaType.of(path), headers: headers)
        return serve(source, as: representation, for: call.request)
    }

    private static func model(_ call: Call) throws -> ResolvedModel {
        try call.model(call.parameter("model"), dtype: try DTypeParameter.value(call.query("dtype")))
    }
}

/// The types that a merged model can be asked for in.
package enum DTypeParameter {
    package static let names: [String: DType] = ["f32": .f32, "f16": .f16, "bf16": .bf16]

    static func value(_ text: String?) throws -> DType? {
        guard let text else { return nil }
        guard let dtype = names[text.lowercased()] else {
            throw RequestError.invalidParameter(name: "dtype", value: text, expected: "f32, f16 or bf16")
        }
        return dtype
    }
}

/// A file of a merged model as a body.
struct MergedFileSource: ByteSource {
    let variant: Variant
    let file: MergedModel.File
    let tensors: CachedTensors

    var count: Int { file.bytes }

    func write(_ range: Range<Int>, to sink: ByteSink) throws {
        try variant.model.write(range, of: file, from: tensors, to: sink)
    }
}

enum MediaType {
    static func of(_ path: String) -> String {
        if path.hasSuffix(".json") { return "application/json" }
        if path.hasSuffix(".txt") || path.hasSuffix(".md") { return "text/plain; charset=utf-8" }
        return "application/octet-stream"
    }
}
