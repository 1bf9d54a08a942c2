internal import HTTPTypes
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelHTTP
internal import UmbelTensor

/// Endpoints about the service itself.
enum ServiceRoutes {
    static let all = [
        Route(.get, "/", "What this is and where to begin", handler: index),
        Route(.get, "/healthz", "Is the process alive?", handler: health),
        Route(.get, "/readyz", "Are the bases resident and is traffic welcome?", handler: ready),
        Route(.get, "/version", "Version of the service and of its arithmetic", handler: version),
        Route(.get, "/openapi.json", "This interface as OpenAPI 3.1", handler: openAPI),
    ]

    private static func index(_ call: Call) -> Response {
        .json(
            .ok,
            [
                "service": "umbel", "version": .string(call.application.version),
                "bases": JSON(call.engine.bases.map(\.name)), "models": "/v1/models", "adapters": "/v1/adapters",
                "openapi": "/openapi.json",
            ])
    }

    private static func health(_ call: Call) -> Response { .json(.ok, ["status": "alive"]) }

    private static func ready(_ call: Call) throws -> Response {
        let state = call.application.readiness.state
        guard state == .ready else { throw RequestError.notReady(state.rawValue) }
        let bases = call.engine.bases
        for base in bases {
            if let flaw = base.flaw { throw RequestError.baseUnusable(name: base.name, flaw) }
        }
        return .json(
            .ok,
            [
                "status": "ready", "bases": JSON(bases.map(\.name)),
                "reading": JSON(bases.filter { !$0.isRead }.map(\.name)),
            ])
    }

    private static func version(_ call: Call) -> Response {
        .json(
            .ok,
            [
                "version": .string(call.application.version), "numerics": JSON(VariantIdentity.numericsVersion),
                "kernels": .string(KernelSet.chosen),
            ])
    }

    private static func openAPI(_ call: Call) -> Response {
        .json(.ok, OpenAPI.document(routes: API.routes, version: call.application.version))
    }
}
