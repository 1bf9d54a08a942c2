internal import UmbelFormats

extension Server {
    /// Bytes of a page of adapters, each of which lists what has no place in each base.
    private static let pageLimit = 256 << 20
    private static let adaptersPerPage = 50
    /// Seconds that checking an adapter may take; nothing is sent meanwhile.
    private static let checkSeconds = 600

    /// Makes an adapter of contents that the server has, or points its name to them. The server checks it.
    package func make(_ adapter: NewAdapter) throws(ClientError) -> RemoteAdapter {
        var request = request(
            "POST", ["v1", "adapters"], query: adapter.query, json: adapter.json, condition: adapter.condition)
        request.stallSeconds = Self.checkSeconds
        request.answerLimit = Self.pageLimit
        return try one(request)
    }

    /// All adapters that have every one of the labels, by name.
    ///
    /// - Throws: `ClientError.endlessList` if a page leads back to one before it.
    package func adapters(labels: [Label] = []) throws(ClientError) -> [RemoteAdapter] {
        var found: [RemoteAdapter] = []
        var cursors: Set<String> = []
        var query = [(name: "limit", value: String(Self.adaptersPerPage))]
        query += labels.map { (name: "label", value: $0.text) }
        var cursor: String?
        repeat {
            var request = request(
                "GET", ["v1", "adapters"], query: query + (cursor.map { [(name: "cursor", value: $0)] } ?? []))
            request.answerLimit = Self.pageLimit
            let page = try sendForJSON(request)
            guard let data = page["data"]?.array else { throw unexpected(page) }
            for item in data {
                guard let adapter = RemoteAdapter(item) else { throw unexpected(item) }
                found.append(adapter)
            }
            cursor = page["next_cursor"]?.string
            if let cursor, !cursors.insert(cursor).inserted { throw .endlessList(cursor: cursor) }
        } while cursor != nil
        return found
    }

    /// Forgets a name.
    ///
    /// - Parameter isForced: also if a route uses it.
    package func remove(_ name: String, isForced: Bool, condition: Condition = .none) throws(ClientError) {
        _ = try send(
            request(
                "DELETE", ["v1", "adapters", name], query: isForced ? [("force", "true")] : [], condition: condition))
    }

    /// What a name may be pointed back to.
    package enum Earlier: Hashable, Sendable {
        /// The content before the present one.
        case previous
        case generation(Int)
        /// `sha256:…`
        case digest(String)
    }

    /// Points a name to a content that it had before.
    package func rollBack(
        _ name: String, to earlier: Earlier, condition: Condition = .none
    ) throws(ClientError) -> RemoteAdapter {
        let body: JSON? =
            switch earlier {
            case .previous: nil
            case .generation(let number): ["generation": JSON(number)]
            case .digest(let digest): ["digest": .string(digest)]
            }
        var request = request("POST", ["v1", "adapters", name, "rollback"], json: body, condition: condition)
        request.answerLimit = Self.pageLimit
        return try one(request)
    }

    private func one(_ request: ClientRequest) throws(ClientError) -> RemoteAdapter {
        let json = try sendForJSON(request)
        guard let adapter = RemoteAdapter(json) else { throw unexpected(json) }
        return adapter
    }
}
