/// A model reference whose scales may change with the steps: `base+ink:0@0.0,1@0.4`. For drawing only; everything else
/// means one model.
package struct SteppedReference: Hashable, Sendable {
    package struct Stage: Hashable, Sendable {
        package let reference: ModelReference
        /// The part of the steps that is done when it takes over; the first one's is 0.
        package let from: Double
    }

    /// Models of one drawing at most: each is merged before it begins.
    package static let stageLimit = 16

    /// At least one, ascending; neighbours differ.
    package let stages: [Stage]

    /// An entry of the text, cut where its scale stands.
    private struct Entry {
        var head: String
        var schedule: ScaleSchedule?
        var tail = ""

        func text(at part: Double) -> String {
            guard let schedule else { return head }
            return "\(head):\(schedule.scale(at: part).text)\(tail)"
        }
    }

    /// - Throws: whatever is wrong with the reference, `tooManyStages` included.
    package init(_ text: String) throws(ReferenceError) {
        guard text.utf8.count <= ModelReference.lengthLimit else {
            throw .tooLong(limit: ModelReference.lengthLimit)
        }
        var entries: [Entry] = []
        for part in ModelReference.parts(text) { entries.append(try Self.entry(part)) }
        let changes = Set(entries.flatMap { $0.schedule?.points.map(\.from) ?? [] } + [0]).sorted()
        guard changes.count <= Self.stageLimit else { throw .tooManyStages(limit: Self.stageLimit) }
        var stages: [Stage] = []
        for change in changes {
            let reference = try ModelReference(entries.map { $0.text(at: change) }.joined(separator: "+"))
            if stages.last?.reference != reference { stages.append(Stage(reference: reference, from: change)) }
        }
        self.stages = stages
    }

    /// A scale that is one number stays in the text, for `ModelReference` to read.
    private static func entry(_ text: String) throws(ReferenceError) -> Entry {
        // Within the parentheses of a combination there are weights, which cannot change.
        let start = text.lastIndex(of: ")") ?? text.startIndex
        guard let colon = text[start...].firstIndex(of: ":") else { return Entry(head: text) }
        let rest = text[text.index(after: colon)...]
        let end = rest.firstIndex(of: ":") ?? rest.endIndex
        let scale = String(rest[..<end])
        guard !scale.contains("="), ScaleSchedule.isMeant(by: scale) else { return Entry(head: text) }
        return Entry(
            head: String(text[..<colon]), schedule: try ScaleSchedule(scale), tail: String(rest[end...]))
    }
}
