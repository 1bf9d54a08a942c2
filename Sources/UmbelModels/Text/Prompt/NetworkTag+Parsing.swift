extension NetworkTag {
    /// Takes the tags out of a prompt.
    ///
    /// - Returns: what is left of the prompt, and the tags in their order. Other text in angle brackets stays.
    /// - Throws: for the first tag that cannot be read.
    package static func extract(
        from prompt: String
    ) throws(NetworkTagError) -> (prompt: String, tags: [NetworkTag]) {
        var text = ""
        var tags: [NetworkTag] = []
        var rest = prompt[...]
        guard let lastClose = prompt.lastIndex(of: ">") else { return (prompt, []) }
        while let open = rest.firstIndex(of: "<"), open < lastClose {
            text += rest[..<open]
            rest = rest[open...]
            if let (kind, content, end) = tag(at: rest) {
                tags.append(try NetworkTag(kind, content: content))
                rest = rest[end...]
            } else {
                text.append(rest.removeFirst())
            }
        }
        return (text + rest, tags)
    }

    /// The kind, the text after the first colon, and the end of the tag that a text begins with.
    private static func tag(at text: Substring) -> (kind: Kind, content: Substring, end: Substring.Index)? {
        for kind in [Kind.lora, .lyco] {
            let head = "<" + kind.rawValue + ":"
            guard text.hasPrefix(head) else { continue }
            let content = text.dropFirst(head.count)
            return content.firstIndex(of: ">").map { (kind, content[..<$0], content.index(after: $0)) }
        }
        return nil
    }

    /// - Parameter content: name and values, with colons between them.
    init(_ kind: Kind, content: Substring) throws(NetworkTagError) {
        let items = content.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard let name = items.first, !name.isEmpty else { throw .missingName }
        var options = NetworkTagOptions(tag: name)
        for item in items.dropFirst() { try options.take(item) }
        self.kind = kind
        self.name = name
        let textEncoder = try options.strength("te") ?? StepWeights(1)
        self.textEncoder = textEncoder
        unet = try options.strength("unet") ?? textEncoder
        dynamicRank = try options.dynamicRank()
        blockWeights = try options.blockWeights()
        (start, stop) = try options.window()
    }
}

/// The values of a tag, by the names of their options.
private struct NetworkTagOptions {
    /// What the values without a name mean, in their order.
    private static let positional = ["te", "unet", "dyn"]
    private static let named = ["te", "unet", "dyn", "lbw", "start", "stop", "step"]

    let tag: String
    private var values: [String: String] = [:]
    private var named: Set<String> = []
    private var positions = 0

    init(tag: String) {
        self.tag = tag
    }

    mutating func take(_ item: String) throws(NetworkTagError) {
        guard let equals = item.firstIndex(of: "=") else { return try takePositional(item) }
        let option = String(item[..<equals])
        guard Self.named.contains(option) else { throw .unknownOption(tag: tag, option: option) }
        guard named.insert(option).inserted else { throw .repeatedOption(tag: tag, option: option) }
        values[option] = String(item[item.index(after: equals)...])
    }

    /// A name says more than a position.
    private mutating func takePositional(_ item: String) throws(NetworkTagError) {
        guard positions < Self.positional.count else { throw .surplusValue(tag: tag, value: item) }
        let option = Self.positional[positions]
        positions += 1
        if !named.contains(option) { values[option] = item }
    }

    func strength(_ option: String) throws(NetworkTagError) -> StepWeights? {
        guard let value = values[option] else { return nil }
        guard let weights = StepWeights(value) else { throw invalid(option, value) }
        return weights
    }

    func dynamicRank() throws(NetworkTagError) -> Int? {
        guard let value = values["dyn"] else { return nil }
        guard let rank = Int(value), rank > 0 else { throw invalid("dyn", value) }
        return rank
    }

    func blockWeights() throws(NetworkTagError) -> BlockWeights? {
        guard let value = values["lbw"] else { return nil }
        if let preset = BlockWeights.preset(value) { return preset }
        var numbers: [Double] = []
        for part in value.split(separator: ",", omittingEmptySubsequences: false) {
            guard let number = DecimalNumber.value(part.trimmed) else { throw invalid("lbw", value) }
            numbers.append(number)
        }
        guard let weights = BlockWeights(numbers) else { throw .blockWeightCount(tag: tag, count: numbers.count) }
        return weights
    }

    func window() throws(NetworkTagError) -> (start: StepPosition?, stop: StepPosition?) {
        guard let value = values["step"] else { return (try position("start"), try position("stop")) }
        for option in ["start", "stop"] where values[option] != nil {
            throw .repeatedOption(tag: tag, option: option)
        }
        let parts = value.split(separator: "-", omittingEmptySubsequences: false).map { StepPosition($0.trimmed) }
        guard parts.count == 2, let start = parts[0], let stop = parts[1] else { throw invalid("step", value) }
        return (start, stop)
    }

    private func position(_ option: String) throws(NetworkTagError) -> StepPosition? {
        guard let value = values[option] else { return nil }
        guard let position = StepPosition(value.trimmed) else { throw invalid(option, value) }
        return position
    }

    private func invalid(_ option: String, _ value: String) -> NetworkTagError {
        .invalidValue(tag: tag, option: option, value: value)
    }
}

extension StringProtocol {
    /// Without the white space at both ends.
    var trimmed: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
