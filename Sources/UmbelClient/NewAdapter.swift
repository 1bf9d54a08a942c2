internal import UmbelFormats

/// An adapter to be made of contents that the server has.
package struct NewAdapter: Sendable {
    package var name: String
    /// SHA-256 of the tensor file, in hexadecimal digits.
    package var tensors: String
    /// SHA-256 of `adapter_config.json`, if the adapter has one.
    package var config: String?
    package var labels: [Label] = []
    /// As `lora_te1=text_encoder`.
    package var prefixes: [String] = []
    package var allowsUnmatched = false
    /// The base it must fit, `none` to have it stored unchecked; nil for the one it fits best.
    package var base: String?
    package var condition = Condition.none

    package init(name: String, tensors: String, config: String? = nil) {
        self.name = name
        self.tensors = tensors
        self.config = config
    }

    var json: JSON {
        var files = [JSON.Member("adapter.safetensors", .string("sha256:" + tensors))]
        if let config { files.append(.init("adapter_config.json", .string("sha256:" + config))) }
        var members = [JSON.Member("name", .string(name)), .init("files", .object(files))]
        if !labels.isEmpty { members.append(.init("labels", .object(labels.map { .init($0.key, .string($0.value)) }))) }
        return .object(members)
    }

    var query: [(name: String, value: String)] {
        var query = prefixes.map { (name: "prefix", value: $0) }
        if allowsUnmatched { query.append(("allow_unmatched", "true")) }
        if let base { query.append(("base", base)) }
        return query
    }
}

/// A label of an adapter: `team:x`.
package struct Label: Hashable, Sendable {
    package let key: String
    package let value: String

    /// Cut at the first colon.
    ///
    /// - Returns: nil without a colon or with nothing before it.
    package init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else { return nil }
        key = String(text[..<colon])
        value = String(text[text.index(after: colon)...])
    }

    package var text: String { "\(key):\(value)" }
}
