/// Many patterns at once: finds the one that fits a path in a single walk, however many there are. A written-out
/// segment wins over a number, a number over `{rest}`, so that a rule for one block overrides the rule for all. Values
/// under equal patterns are all kept.
struct PatternTree<Value> {
    private struct Node {
        var literals: [String: Int] = [:]
        /// Gaps with one meaning per place: a tree is built from patterns that agree on their names.
        var number: (name: String, node: Int)?
        var values: [Value] = []
        var restValues: [Value] = []
    }

    private var nodes = [Node()]

    mutating func insert(_ pattern: PathPattern, _ value: Value) {
        var at = 0
        for segment in pattern.segments {
            switch segment {
            case .literal(let text):
                at = nodes[at].literals[text] ?? grow { $0.nodes[at].literals[text] = $1 }
            case .number(let name):
                at = nodes[at].number?.node ?? grow { $0.nodes[at].number = (name, $1) }
            case .rest:
                nodes[at].restValues.append(value)
                return
            }
        }
        nodes[at].values.append(value)
    }

    private mutating func grow(_ attach: (inout Self, Int) -> Void) -> Int {
        nodes.append(Node())
        attach(&self, nodes.count - 1)
        return nodes.count - 1
    }

    func match(_ path: String) -> (values: [Value], bindings: PathBindings)? {
        let segments = path.pathSegments
        return match(segments[...], of: path, at: 0, PathBindings())
    }

    private func match(
        _ segments: ArraySlice<Substring>, of path: String, at: Int, _ bindings: PathBindings
    ) -> (values: [Value], bindings: PathBindings)? {
        let node = nodes[at]
        guard let segment = segments.first else { return node.values.isEmpty ? nil : (node.values, bindings) }
        if let next = node.literals[String(segment)],
            let found = match(segments.dropFirst(), of: path, at: next, bindings)
        {
            return found
        }
        if let (name, next) = node.number, segment.utf8.allSatisfy({ (48...57).contains($0) }) {
            var bound = bindings
            bound[name] = segment
            if let found = match(segments.dropFirst(), of: path, at: next, bound) { return found }
        }
        guard !node.restValues.isEmpty else { return nil }
        var bound = bindings
        bound["{rest}"] = path[segment.startIndex...]
        return (node.restValues, bound)
    }
}
