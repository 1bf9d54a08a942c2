internal import HTTPTypes
internal import Logging
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelPOSIX

/// `/v1/variants`: merged models that are resident.
enum VariantRoutes {
    static let all = [
        Route(
            .post, "/v1/variants",
            "Make a variant resident: {\"base\", \"adapters\": [{\"name\", \"scale\"} or {\"combine\", \"scale\"}]} or {\"model\"}",
            parameters: [.init("Prefer", in: .header, "respond-async: answer at once and merge in the background")],
            statuses: [200, 201, 202], handler: post),
        Route(.get, "/v1/variants", "List what is resident", handler: list),
        Route(.get, "/v1/variants/{id}", "One resident variant", handler: get),
        Route(.delete, "/v1/variants/{id}", "Let a variant go", statuses: [204], handler: delete),
    ]

    private static func post(_ call: Call) throws -> Response {
        let body = try call.json()
        let request = try VariantRequest(body)
        let pin = body["pin"]?.bool
        let model = try request.resolve(call)
        let variant = model.variant
        try call.engine.publish(variant)
        let location = "/v1/variants/\(variant.id)"
        let cache = call.engine.cache
        guard call.request.headers[.prefer]?.contains("respond-async") == true,
            cache.info(variant.id)?.state != .ready, !cache.isStreaming(variant)
        else {
            let residence = try cache.makeResident(variant, pin: pin)
            // After the merge, which the headers tell the time of.
            var headers = model.headers(call)
            headers[.location] = location
            return .json(residence == .made ? .created : .ok, object(variant, call), headers: headers)
        }
        // A pin that cannot be kept is refused now, not in the background.
        let wasPinned = cache.info(variant.id)?.pinned ?? false
        if let pin { try cache.setPinned(variant, pin) }
        do {
            try call.application.merges.start(variant, pin: pin, in: cache, logger: call.application.logger)
        } catch {
            if !wasPinned { try cache.setPinned(variant, false) }
            throw error
        }
        var headers = model.headers(call)
        headers[.location] = location
        headers[.preferenceApplied] = "respond-async"
        return .json(.accepted, object(variant, call), headers: headers)
    }

    private static func list(_ call: Call) throws -> Response {
        let cache = call.engine.cache
        let layers = call.application.drawing?.queue.painter.memory ?? []
        var memory = call.engine.memory
        memory.layers = layers.reduce(0) { $0 + $1.shared }
        return .json(
            .ok,
            [
                "object": "list", "data": .array(cache.all().map(VariantView.object)), "bytes": JSON(cache.bytes),
                "budget": JSON(cache.budget), "delta_budget": JSON(cache.deltaBudget),
                "memory": CacheView.memory(memory), "layers": CacheView.layers(layers),
                "counters": CacheView.counters(cache.counters),
            ])
    }

    /// The variant as it is now; one that somebody let go meanwhile holds nothing.
    private static func object(_ variant: Variant, _ call: Call) -> JSON {
        VariantView.object(call.engine.cache.info(variant.id) ?? VariantInfo(released: variant))
    }

    private static func get(_ call: Call) throws -> Response {
        let id = call.parameter("id")
        guard let info = call.engine.cache.info(id) else { throw EngineError.unknownVariant(id) }
        return .json(.ok, VariantView.object(info))
    }

    private static func delete(_ call: Call) throws -> Response {
        let id = call.parameter("id")
        guard call.engine.cache.remove(id) else { throw EngineError.unknownVariant(id) }
        call.application.drawing?.queue.painter.forget(variant: id)
        return Response(.noContent)
    }
}

/// The body of `POST /v1/variants`.
enum VariantRequest {
    /// A reference, a route or the id of a variant.
    case text(String)
    case recipe(ModelReference)

    private static let fields = ["base", "adapters", "model", "pin"]
    private static let termFields = ["name", "digest", "scale"]

    func resolve(_ call: Call) throws -> ResolvedModel {
        switch self {
        case .text(let text): try call.model(text)
        case .recipe(let reference): try call.model(reference)
        }
    }

    init(_ body: JSON) throws {
        guard let members = body.members else {
            throw RequestError.invalidField(name: "body", expected: "a JSON object")
        }
        try Self.check(members, Self.fields)
        if let pin = body["pin"], pin.bool == nil {
            throw RequestError.invalidField(name: "pin", expected: "true or false")
        }
        if let model = body["model"] {
            for other in ["base", "adapters"] where body[other] != nil {
                throw RequestError.invalidField(name: other, expected: "absent where “model” says it all")
            }
            guard let text = model.string else {
                throw RequestError.invalidField(name: "model", expected: "a model reference")
            }
            self = .text(text)
            return
        }
        guard let base = body["base"] else { throw RequestError.missingField("base") }
        guard let name = base.string else { throw RequestError.invalidField(name: "base", expected: "a base's name") }
        guard let adapters = (body["adapters"] ?? .array([])).array else {
            throw RequestError.invalidField(name: "adapters", expected: "a list")
        }
        self = .recipe(
            ModelReference(
                base: name, entries: try adapters.enumerated().map { try Self.entry($1, "adapters[\($0)]") }))
    }

    private static func entry(_ value: JSON, _ path: String) throws -> ModelReference.Entry {
        guard let combine = value["combine"], let members = value.members else {
            return .adapter(try term(value, path))
        }
        try check(members, ["combine", "scale"])
        return .combination(try combination(combine, "\(path).combine", scale: try scale(value, path)))
    }

    /// `{"method", "adapters", …}`; every other field is an option of the method.
    private static func combination(
        _ value: JSON, _ path: String, scale: Scale
    ) throws -> ModelReference.CombinationTerm {
        guard let members = value.members else { throw RequestError.invalidField(name: path, expected: "an object") }
        guard let method = value["method"] else { throw RequestError.missingField("\(path).method") }
        guard let name = method.string else {
            throw RequestError.invalidField(name: "\(path).method", expected: "a method's name")
        }
        guard let list = value["adapters"] else { throw RequestError.missingField("\(path).adapters") }
        guard let adapters = list.array else {
            throw RequestError.invalidField(name: "\(path).adapters", expected: "a list")
        }
        let options = try members.filter { !["method", "adapters"].contains($0.name) }.map { member in
            (name: member.name, value: try optionText(member, path))
        }
        let terms = try adapters.enumerated().map { try term($1, "\(path).adapters[\($0)]") }
        do throws(ReferenceError) {
            return try .init(CombinationCall.combination(method: name, options: options), of: terms, scale: scale)
        } catch {
            throw EngineError.reference(error)
        }
    }

    private static func optionText(_ member: JSON.Member, _ path: String) throws -> String {
        switch member.value {
        case .number(let text), .string(let text): return text
        default:
            throw RequestError.invalidField(name: "\(path).\(member.name)", expected: "a number or a string")
        }
    }

    private static func term(_ value: JSON, _ path: String) throws -> ModelReference.Term {
        guard let members = value.members else { throw RequestError.invalidField(name: path, expected: "an object") }
        try check(members, termFields)
        guard let nameValue = value["name"] else { throw RequestError.missingField("\(path).name") }
        guard let name = nameValue.string, Name.isValid(name) else {
            throw RequestError.invalidField(name: "\(path).name", expected: "an adapter's name")
        }
        let digest = try value["digest"].map { try digestPrefix($0, path) }
        return .init(adapter: name, digestPrefix: digest, scale: try scale(value, path))
    }

    private static func scale(_ value: JSON, _ path: String) throws -> Scale {
        let number = value["scale"] ?? .number("1")
        guard let scale = number.double.flatMap(Scale.init(number:)) else {
            throw RequestError.invalidField(name: "\(path).scale", expected: "\(Scale.description)")
        }
        return scale
    }

    /// With or without "sha256:", as the adapter object and a reference have it.
    private static func digestPrefix(_ value: JSON, _ path: String) throws -> String {
        let text = value.string.map { $0.hasPrefix("sha256:") ? String($0.dropFirst("sha256:".count)) : $0 }
        guard let text, ModelReference.Term.isDigestPrefix(text) else {
            throw RequestError.invalidField(
                name: "\(path).digest", expected: "a digest: 1 to 64 lower-case hexadecimal digits")
        }
        return text
    }

    private static func check(_ members: [JSON.Member], _ known: [String]) throws {
        for member in members where !known.contains(member.name) {
            throw RequestError.unknownField(name: member.name, nearest: Spelling.nearest(to: member.name, among: known))
        }
    }
}
