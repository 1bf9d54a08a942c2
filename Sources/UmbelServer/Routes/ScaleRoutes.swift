internal import HTTPTypes
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelRegistry

/// llama.cpp's `/lora-adapters`: scales that hold for everybody who asks for the model `default`.
///
/// An adapter's id is its place among all that can be merged, oldest first. The scales make a chain, in the order of the ids, on the
/// one base that all of its adapters fit. A base's own name always means the base alone.
enum ScaleRoutes {
    static let all = [
        Route(
            .get, "/lora-adapters", "llama.cpp: adapters with their scales in the model default",
            dialect: .inferenceServer, handler: list),
        Route(
            .post, "/lora-adapters", "llama.cpp: set the scales of the model default [{\"id\", \"scale\"}]",
            dialect: .inferenceServer, handler: set),
    ]

    /// By id.
    private static func adapters(_ engine: Engine) -> [AdapterRecord] {
        let mergeable = engine.adapters.all().filter { !engine.hasOnlyEmbeddings($0) }
        return mergeable.sorted { ($0.created, $0.name) < ($1.created, $1.name) }
    }

    private static func list(_ call: Call) throws -> Response {
        let reference = try call.engine.defaultReference()
        let terms = reference?.terms ?? []
        let entries = adapters(call.engine).enumerated().map { id, record -> JSON in
            let scale = terms.first { $0.adapter == record.name }?.scale.value ?? 0
            return [
                "id": JSON(id), "path": .string(record.name), "scale": JSON(scale),
                "digest": .string("sha256:" + record.digest), "model": JSON(reference?.text),
            ]
        }
        return .json(.ok, .array(entries))
    }

    private static func set(_ call: Call) throws -> Response {
        guard let entries = try call.json().array else {
            throw RequestError.invalidField(name: "body", expected: "a list of {\"id\", \"scale\"}")
        }
        let records = adapters(call.engine)
        var scales: [Int: Scale] = [:]
        for entry in entries {
            guard let id = entry["id"]?.integer, records.indices.contains(id), scales[id] == nil else {
                throw LoadingError.unknownID(entry["id"]?.text ?? "null")
            }
            guard let scale = entry["scale"]?.double.flatMap(Scale.init(number:)) else {
                throw LoadingError.scale(id: id)
            }
            scales[id] = scale
        }
        // What is not named has no part in it, as with llama.cpp.
        let terms = scales.sorted { $0.key < $1.key }.filter { $0.value.value != 0 }.map { id, scale in
            ModelReference.Term(adapter: records[id].name, scale: scale)
        }
        let reference = try call.engine.setDefault(terms)
        return .json(.ok, ["success": true, "model": JSON(reference?.text)])
    }
}
