/// A prompt as its schedule reads it.
struct ScheduleTree: Hashable {
    indirect enum Node: Hashable {
        case text(String)
        /// Another text from a step on.
        case change(before: [Node], after: [Node], when: StepPosition)
        /// One after the other, a step each.
        case turns([[Node]])
    }

    private let nodes: [Node]

    /// nil for a text that cannot be read as a schedule.
    init?(_ prompt: String) {
        var parser = ScheduleParser(prompt)
        guard let nodes = parser.parse() else { return nil }
        self.nodes = nodes
    }

    /// Is it anything but one text?
    var changes: Bool { nodes.contains { if case .text = $0 { false } else { true } } }

    /// The steps, counted from 1, after which the text changes, and the last one.
    func lastSteps(of steps: Int) -> [Int] {
        var found: Set<Int> = [steps]
        Self.collect(nodes, of: steps, into: &found)
        return found.sorted()
    }

    private static func collect(_ nodes: [Node], of steps: Int, into found: inout Set<Int>) {
        for node in nodes {
            switch node {
            case .text: break
            case .change(let before, let after, let when):
                let step = when.step(of: steps)
                if step >= 1 { found.insert(step) }
                collect(before, of: steps, into: &found)
                collect(after, of: steps, into: &found)
            case .turns(let options):
                found.formUnion(1...steps)
                for option in options { collect(option, of: steps, into: &found) }
            }
        }
    }

    /// The text of a step, counted from 1.
    func text(at step: Int, of steps: Int) -> String { Self.text(nodes, at: step, of: steps) }

    private static func text(_ nodes: [Node], at step: Int, of steps: Int) -> String {
        nodes.map { node in
            switch node {
            case .text(let text): text
            case .change(let before, let after, let when):
                Self.text(step <= when.step(of: steps) ? before : after, at: step, of: steps)
            case .turns(let options): Self.text(options[(step - 1) % options.count], at: step, of: steps)
            }
        }.joined()
    }
}
