internal import HTTPTypes
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP

/// `/v1/compare`: what differs between two models.
enum CompareRoutes {
    private static let fields = ["a", "b", "limit", "all"]
    private static let limits = 0...10_000

    static let all = [
        Route(
            .post, "/v1/compare", "What differs between two models of one base: {\"a\", \"b\", \"limit\", \"all\"}",
            handler: post)
    ]

    private static func post(_ call: Call) throws -> Response {
        let body = try call.json()
        guard let members = body.members else {
            throw RequestError.invalidField(name: "body", expected: "a JSON object")
        }
        let object = BodyFields(members)
        try object.check(known: fields)
        let names = (
            a: try object.string("a", "a model reference"), b: try object.string("b", "a model reference")
        )
        let limit = try limit(object)
        let (a, b) = (try call.model(names.a), try call.model(names.b))
        let comparison = try call.engine.compare(a.variant, b.variant)
        var headers = a.headers(call)
        if a.variant.id != b.variant.id { headers[.variant] = "\(a.variant.id), \(b.variant.id)" }
        let view = ComparisonView.object(
            comparison, a: (names.a, a.variant), b: (names.b, b.variant), limit: limit)
        return .json(.ok, view, headers: headers)
    }

    /// How many tensors are listed.
    private static func limit(_ body: BodyFields) throws -> Int {
        if let all = body["all"] {
            guard let isAll = all.bool else {
                throw RequestError.invalidField(name: "all", expected: "true or false")
            }
            if isAll { return .max }
        }
        guard let value = body["limit"] else { return 50 }
        guard let limit = value.integer, limits.contains(limit) else {
            throw RequestError.invalidField(name: "limit", expected: "a number from 0 to \(limits.upperBound)")
        }
        return limit
    }
}
