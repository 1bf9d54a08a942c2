internal import HTTPTypes
package import UmbelFormats

/// The interface as an OpenAPI 3.1 document, made from the list of routes.
package enum OpenAPI {
    package static func document(routes: [Route], version: String) -> JSON {
        var paths: [JSON.Member] = []
        var seen: [String] = []
        for path in routes.map(\.path) where !seen.contains(path) {
            seen.append(path)
            let operations = routes.filter { $0.path == path }.map { route in
                JSON.Member(route.method.rawValue.lowercased(), operation(route))
            }
            paths.append(.init(path.replacingDots, .object(operations)))
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "Umbel", "version": .string(version),
                "description": "One base model, many adapters: merged models over HTTP",
                "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
            ],
            "paths": .object(paths),
            "components": ["schemas": ["Problem": problemSchema]],
        ]
    }

    private static func operation(_ route: Route) -> JSON {
        let pathParameters = route.segments.filter { $0.hasPrefix("{") }.map { segment -> JSON in
            let name = String(segment.dropFirst().dropLast()).replacingDots
            return ["name": .string(name), "in": "path", "required": true, "schema": ["type": "string"]]
        }
        let others = route.parameters.map { parameter -> JSON in
            let schema: JSON =
                parameter.isRepeatable ? ["type": "array", "items": ["type": "string"]] : ["type": "string"]
            return [
                "name": .string(parameter.name), "in": .string(parameter.place.rawValue),
                "description": .string(parameter.description), "schema": schema,
            ]
        }
        var members: [JSON.Member] = [
            .init("operationId", .string(operationID(route))), .init("summary", .string(route.summary)),
            .init("parameters", .array(pathParameters + others)),
        ]
        if route.method == .put || route.method == .post {
            let types =
                switch route.path {
                case "/v1/images/edits": ["multipart/form-data"]
                case let path where path.hasPrefix("/v1/adapters"): ["application/octet-stream", "multipart/form-data"]
                default: ["application/json"]
                }
            members.append(
                .init("requestBody", ["content": .object(types.map { .init($0, ["schema": ["type": "object"]]) })]))
        }
        var responses = route.statuses.map {
            JSON.Member(String($0), ["description": .string(HTTPResponse.Status(code: $0).reasonPhrase)])
        }
        responses.append(
            .init(
                "default",
                [
                    "description": "A problem",
                    "content": ["application/problem+json": ["schema": ["$ref": "#/components/schemas/Problem"]]],
                ]))
        members.append(.init("responses", .object(responses)))
        return .object(members)
    }

    private static func operationID(_ route: Route) -> String {
        let words = route.segments.map { $0.filter { $0.isLetter || $0.isNumber } }.filter {
            // The same call without a version is another server's.
            !$0.isEmpty && ($0 != "v1" || route.dialect == .inferenceServer)
        }
        return ([route.method.rawValue.lowercased()] + words).joined(separator: "_")
    }

    private static let problemSchema: JSON = [
        "type": "object", "required": ["type", "title", "status", "detail", "code"],
        "properties": [
            "type": ["type": "string"], "title": ["type": "string"], "status": ["type": "integer"],
            "detail": ["type": "string"], "code": ["type": "string"],
            "errors": ["type": "array", "items": ["type": "object"]],
        ],
    ]
}

extension String {
    /// `{path...}` is our spelling of a parameter that spans slashes.
    fileprivate var replacingDots: String {
        split(separator: ".", omittingEmptySubsequences: true).count > 1 && hasSuffix("...}")
            ? String(dropLast(4)) + "}" : (hasSuffix("...") ? String(dropLast(3)) : self)
    }
}
