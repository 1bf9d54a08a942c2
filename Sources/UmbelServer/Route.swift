package import HTTPTypes
package import UmbelEngine
package import UmbelFormats
package import UmbelHTTP

/// One endpoint: everything that the router, the documentation and the tests need to know of it.
package struct Route: Sendable {
    package struct Parameter: Sendable {
        package enum Place: String, Sendable {
            case query, header
        }

        package let name: String
        package let place: Place
        package let description: String
        package let isRepeatable: Bool

        package init(_ name: String, in place: Place = .query, _ description: String, isRepeatable: Bool = false) {
            self.name = name
            self.place = place
            self.description = description
            self.isRepeatable = isRepeatable
        }
    }

    package typealias Handler = @Sendable (Call) throws -> Response

    package let method: HTTPRequest.Method
    /// Segments separated by "/"; `{name}` stands for one segment, `{name...}` at the end for one or more.
    package let path: String
    package let summary: String
    package let parameters: [Parameter]
    /// Status codes that the endpoint gives when it does what it is for.
    package let statuses: [Int]
    /// What errors carry beside the problem.
    package let dialect: ErrorDialect
    /// For endpoints whose parameters are another project's to define: what is not known here is ignored.
    package let takesAnyQuery: Bool
    /// A request may be repeated for a shadow: it changes nothing and has no body.
    let isCopiedToShadows: Bool
    let handler: Handler

    init(
        _ method: HTTPRequest.Method, _ path: String, _ summary: String, parameters: [Parameter] = [],
        statuses: [Int] = [200], speaksOpenAI: Bool = false, dialect: ErrorDialect = .none, takesAnyQuery: Bool = false,
        isCopiedToShadows: Bool = false,
        handler: @escaping Handler
    ) {
        self.method = method
        self.path = path
        self.summary = summary
        self.parameters = parameters
        self.statuses = statuses
        self.dialect = speaksOpenAI ? .openAI : dialect
        self.takesAnyQuery = takesAnyQuery
        self.isCopiedToShadows = isCopiedToShadows
        self.handler = handler
    }

    /// A misspelt parameter that is ignored gives the wrong answer without a word.
    ///
    /// - Throws: `RequestError.unknownParameter` for one that the route does not have.
    func checkQuery(of request: Request) throws {
        if takesAnyQuery { return }
        let known = parameters.filter { $0.place == .query }.map(\.name)
        for (name, _) in request.query where !known.contains(name) {
            throw RequestError.unknownParameter(name: name, nearest: Spelling.nearest(to: name, among: known))
        }
    }

    var segments: [Substring] { path.split(separator: "/") }

    /// Values of the path's parameters; nil if the path is another one.
    func match(_ path: [String]) -> [String: String]? {
        var values: [String: String] = [:]
        let pattern = segments
        for (index, segment) in pattern.enumerated() {
            if segment.hasPrefix("{"), segment.hasSuffix("...}") {
                guard path.count > index else { return nil }
                values[String(segment.dropFirst().dropLast(4))] = path[index...].joined(separator: "/")
                return values
            }
            guard index < path.count else { return nil }
            if segment.hasPrefix("{") {
                values[String(segment.dropFirst().dropLast())] = path[index]
            } else if segment != path[index] {
                return nil
            }
        }
        return pattern.count == path.count ? values : nil
    }
}

/// One request on its way through its route.
package struct Call: Sendable {
    let application: Application
    let request: Request
    /// Values of the path's parameters, decoded.
    let parameters: [String: String]
    let trace: RequestTrace
    /// The shadow that this is a copy for; nil for a client's own request.
    var shadow: ShadowPick?
    /// Who asks, where a body says it; else the query may.
    var user: String?
    /// When the route began.
    var begun = ContinuousClock.now

    /// The same request for a shadow, without the client's connection.
    func copy(for shadow: ShadowPick) -> Call {
        let copy = Request(head: request.head, body: .memory([]), remoteAddress: request.remoteAddress)
        return Call(
            application: application, request: copy, parameters: parameters, trace: RequestTrace(id: trace.id),
            shadow: shadow)
    }

    var engine: Engine { application.engine }

    func parameter(_ name: String) -> String { parameters[name] ?? "" }

    /// The last value of a query parameter.
    func query(_ name: String) -> String? { request.query.last { $0.name == name }?.value }

    func queryValues(_ name: String) -> [String] { request.query.filter { $0.name == name }.map(\.value) }

    /// - Throws: `RequestError.invalidParameter` unless it is a boolean.
    func flag(_ name: String) throws -> Bool {
        switch query(name)?.lowercased() {
        case nil, "false", "0", "no": return false
        case "", "true", "1", "yes": return true
        case let value?: throw RequestError.invalidParameter(name: name, value: value, expected: "true or false")
        }
    }

    /// The body as JSON, at most 1 MiB unless it says otherwise.
    func json(limit: Int = 1 << 20) throws -> JSON { try Self.parse(try request.body.readAll(limit: limit)) }

    /// The fields of a body that is an object.
    func fields(limit: Int = 1 << 20) throws -> BodyFields {
        guard let members = try json(limit: limit).members else {
            throw RequestError.invalidField(name: "body", expected: "a JSON object")
        }
        return BodyFields(members)
    }

    /// The same; nil for an empty body.
    func optionalJSON() throws -> JSON? {
        let bytes = try request.body.readAll(limit: 1 << 20)
        return bytes.isEmpty ? nil : try Self.parse(bytes)
    }

    private static func parse(_ bytes: [UInt8]) throws -> JSON {
        do {
            return try JSON(parsing: bytes)
        } catch {
            throw RequestError.invalidJSON(error)
        }
    }
}

/// What is wrong with a request, apart from what the engine finds.
package enum RequestError: Error, Sendable {
    case noSuchPath(String)
    case methodNotAllowed(allowed: [HTTPRequest.Method])
    case unknownParameter(name: String, nearest: String?)
    case invalidParameter(name: String, value: String, expected: String)
    case invalidJSON(JSONError)
    case missingField(String)
    case invalidField(name: String, expected: String)
    case unknownField(name: String, nearest: String?)
    case unsupportedMediaType(String)
    case multipartWithoutFile
    case lengthRequired
    /// The bytes are not those that the path names.
    case digestMismatch(expected: String, actual: String)
    case busy
    case notReady(String)
    /// A base that was opened turned out to be none when it was read.
    case baseUnusable(name: String, BaseError)
    /// Something in memory or on disk is not what it must be.
    case verificationFailed(VerificationReport)
}
