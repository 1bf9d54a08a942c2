internal import UmbelFormats

/// A running service, as its client sees it. Used by one thread at a time.
package final class Server {
    package let address: ServerAddress
    private let client: HTTPClient
    private let token: String?
    private let retries: Retries

    /// - Parameter token: sent as `Authorization: Bearer …` with each request.
    package init(
        _ address: ServerAddress, token: String? = nil, options: HTTPClient.Options = .init(),
        retries: Retries = Retries()
    ) throws(ClientError) {
        self.address = address
        self.token = token
        self.retries = retries
        client = try HTTPClient(options)
    }

    /// A request to this server.
    ///
    /// - Parameters:
    ///   - path: segments as they are meant, not encoded.
    ///   - json: the body; nil for none, or for an empty one where the method has a body.
    func request(
        _ method: String, _ path: [String], query: [(name: String, value: String)] = [], json: JSON? = nil,
        condition: Condition = .none
    ) -> ClientRequest {
        var request = ClientRequest(method, address.url(path, query))
        if let json {
            request.body = .bytes(Array(json.text.utf8))
            request.headers.append(("Content-Type", "application/json"))
        } else if ["POST", "PUT"].contains(method) {
            request.body = .bytes([])
            // Else libcurl calls it a form.
            request.headers.append(("Content-Type", "application/octet-stream"))
        }
        if let header = condition.header { request.headers.append(header) }
        return request
    }

    /// - Returns: the answer, whose status is one of success.
    /// - Throws: `ClientError`, with `refused` for any other status.
    func send(_ request: ClientRequest) throws(ClientError) -> ClientResponse {
        var request = request
        request.headers.append(("Accept", "application/json, application/problem+json"))
        if let token { request.headers.append(("Authorization", "Bearer " + token)) }
        var attempt = 1
        while true {
            let response = try client.send(request, avoidingProxy: address.isLoopback)
            if (200...299).contains(response.status) { return response }
            let refusal = ServerRefusal(response)
            guard let seconds = retries.pause(after: refusal, method: request.method, attempt: attempt) else {
                throw .refused(refusal)
            }
            retries.wait(seconds)
            attempt += 1
        }
    }

    /// The same, with the JSON of the answer.
    func sendForJSON(_ request: ClientRequest) throws(ClientError) -> JSON {
        let response = try send(request)
        guard !response.isTruncated else { throw .answerTooLarge(limit: request.answerLimit) }
        do {
            return try JSON(parsing: response.body)
        } catch {
            throw unexpected(response)
        }
    }

    /// An answer that is JSON, but not what was asked for.
    func unexpected(_ json: JSON) -> ClientError {
        .unexpectedAnswer(status: 200, beginning: Beginning.of(Array(json.text.utf8)))
    }

    private func unexpected(_ response: ClientResponse) -> ClientError {
        .unexpectedAnswer(status: response.status, beginning: Beginning.of(response.body))
    }
}

/// What must be so for a change to happen.
package enum Condition: Hashable, Sendable {
    case none
    /// Nothing has the name.
    case isNew
    /// The name points to that content: `sha256:…`, or the digits alone.
    case pointsTo(digest: String)

    /// RFC 9110, 13.1.1 and 13.1.2.
    var header: (name: String, value: String)? {
        switch self {
        case .none: nil
        case .isNew: ("If-None-Match", "*")
        case .pointsTo(let digest): ("If-Match", digest == "*" ? "*" : "\"\(digest)\"")
        }
    }
}
