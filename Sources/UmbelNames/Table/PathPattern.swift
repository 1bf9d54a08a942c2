/// A module path with gaps: `double_blocks.{i}.img_attn.qkv`. A name in braces stands for one number; `{rest}`, only at
/// the end, for one or more segments of any kind.
struct PathPattern: Sendable, ExpressibleByStringLiteral {
    enum Segment: Sendable, Hashable {
        case literal(String)
        case number(String)
        case rest
    }

    let segments: [Segment]

    init(_ text: String) {
        segments = text.pathSegments.map { segment in
            if segment == "{rest}" { return .rest }
            if segment.hasPrefix("{") { return .number(String(segment)) }
            return .literal(String(segment))
        }
    }

    init(stringLiteral text: String) {
        self.init(text)
    }

    /// The path with its gaps filled.
    func path(_ bindings: PathBindings) -> String {
        var path = ""
        for segment in segments {
            if !path.isEmpty { path += "." }
            switch segment {
            case .literal(let text): path += text
            case .number(let name): path += bindings[name] ?? Substring(name)
            case .rest: path += bindings["{rest}"] ?? ""
            }
        }
        return path
    }
}

/// What the gaps of a pattern stood for. A handful at most, hence a list.
struct PathBindings: Sendable {
    private var values: [(name: String, value: Substring)] = []

    subscript(name: String) -> Substring? {
        get { values.first { $0.name == name }?.value }
        set {
            values.removeAll { $0.name == name }
            if let newValue { values.append((name, newValue)) }
        }
    }
}

extension String {
    /// The parts between the dots.
    var pathSegments: [Substring] {
        utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map { Substring($0) }
    }

    /// As LyCORIS and kohya write module paths: every dot becomes an underscore. Cannot be undone.
    var mangled: String {
        String(decoding: utf8.map { $0 == UInt8(ascii: ".") ? UInt8(ascii: "_") : $0 }, as: UTF8.self)
    }
}
