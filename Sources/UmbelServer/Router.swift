internal import HTTPTypes
internal import UmbelHTTP

/// Finds the route of a request.
struct Router: Sendable {
    enum Found {
        case route(Route, parameters: [String: String])
        case noSuchPath
        case methodNotAllowed([HTTPRequest.Method])

        var dialect: ErrorDialect {
            if case .route(let route, _) = self { route.dialect } else { .none }
        }
    }

    let routes: [Route]

    /// A route without parameters is preferred to one with; HEAD is served by GET.
    func find(_ request: Request) -> Found {
        let path = request.path
        var candidates = routes.compactMap { route in route.match(path).map { (route, $0) } }
        candidates.sort { $0.1.count < $1.1.count }
        let method: HTTPRequest.Method = request.method == .head ? .get : request.method
        if let (route, parameters) = candidates.first(where: { $0.0.method == method }) {
            return .route(route, parameters: parameters)
        }
        return candidates.isEmpty ? .noSuchPath : .methodNotAllowed(candidates.map(\.0.method))
    }

    static func allowHeader(_ methods: [HTTPRequest.Method]) -> String {
        var names = Set(methods.map(\.rawValue))
        if names.contains("GET") { names.insert("HEAD") }
        names.insert("OPTIONS")
        return names.sorted().joined(separator: ", ")
    }
}
