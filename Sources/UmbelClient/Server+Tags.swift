package import UmbelFormats

/// A tag: a second name, which stays with one content of an adapter.
package struct RemoteTag: Hashable, Sendable {
    package let name: String
    /// `sha256:…`
    package let digest: String
    /// All that the server said.
    package let json: JSON
}

extension Server {
    /// The tags of an adapter, in the server's order.
    package func tags(of adapter: String) throws(ClientError) -> [RemoteTag] {
        let list = try sendForJSON(request("GET", Self.path(adapter)))
        guard let data = list["data"]?.array else { throw unexpected(list) }
        var tags: [RemoteTag] = []
        for item in data {
            guard let name = item["tag"]?.string, let digest = item["digest"]?.string else { throw unexpected(item) }
            tags.append(RemoteTag(name: name, digest: digest, json: item))
        }
        return tags
    }

    /// Puts a tag on a content.
    ///
    /// - Parameter digest: `sha256:` and the first digits at least; nil for what the adapter's name points to.
    package func setTag(_ tag: String, of adapter: String, digest: String? = nil) throws(ClientError) {
        _ = try send(request("PUT", Self.path(adapter) + [tag], json: digest.map { ["digest": .string($0)] }))
    }

    package func removeTag(_ tag: String, of adapter: String) throws(ClientError) {
        _ = try send(request("DELETE", Self.path(adapter) + [tag]))
    }

    private static func path(_ adapter: String) -> [String] { ["v1", "adapters", adapter, "tags"] }
}
