import Testing

@testable import UmbelRegistry

@Suite("What is kept of a name")
struct AdapterRecordTests {
    private let now = Date(seconds: 1)

    private func content(_ number: Int) -> AdapterContent {
        AdapterContent(tensors: String(repeating: "\(number)", count: 64), config: nil, bytes: number)
    }

    /// A name that was pointed to contents of these numbers one after the other.
    private func record(_ numbers: Int...) -> AdapterRecord {
        let first = AdapterRecord(name: "a", current: .first(content(numbers[0]), .init()))
        return numbers.dropFirst().reduce(first) { $0.pointed(to: content($1), options: .init(), at: now) }
    }

    private func generations(_ record: AdapterRecord) -> [Int] { record.revisions.map(\.generation) }

    @Test("As many former revisions are kept as the history has, with those that a tag needs")
    func pruning() throws {
        let record = record(1, 2, 3, 4, 5)
        #expect(generations(record) == [5, 4, 3, 2, 1])
        #expect(generations(record.pruned(history: 2)) == [5, 4, 3])
        #expect(generations(record.pruned(history: 0)) == [5])
        let second = try #require(record.revision(2))
        let tagged = record.tagged("prod", second, at: now)
        #expect(generations(tagged.pruned(history: 1)) == [5, 4, 2])
        #expect(tagged.revision(tagged: "prod") == second)
        #expect(generations(tagged.untagged("prod").pruned(history: 1)) == [5, 4])
    }

    @Test("A rollback is a new generation of an old content, and none where nothing would change")
    func rollingBack() throws {
        let record = record(1, 2)
        let before = try #require(record.before)
        #expect(before.generation == 1)
        let back = record.rolledBack(to: before, at: now)
        #expect(back.generation == 3 && back.digest == content(1).digest)
        #expect(back.before?.digest == content(2).digest)
        #expect(back.rolledBack(to: before, at: now) == back)
        #expect(self.record(1).before == nil)
    }

    @Test("A digest prefix finds the newest revision of each content")
    func digests() {
        let record = record(1, 2, 1)
        #expect(record.revisions(withDigest: "1").map(\.generation) == [3])
        #expect(record.revisions(withDigest: "").map(\.generation) == [3, 2])
        #expect(record.revisions(withDigest: "9") == [])
    }

    @Test("The digest of a content is that of its tensors, or of the list of both files")
    func contentDigest() {
        #expect(content(1).digest == content(1).tensors)
        let tensors = String(repeating: "1", count: 64)
        let first = AdapterContent(tensors: tensors, config: String(repeating: "2", count: 64), bytes: 1)
        let second = AdapterContent(tensors: tensors, config: String(repeating: "3", count: 64), bytes: 1)
        #expect(Set([tensors, first.digest, second.digest]).count == 3)
        #expect(first.blobs == [tensors, String(repeating: "2", count: 64)])
    }
}
