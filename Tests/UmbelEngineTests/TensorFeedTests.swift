import Dispatch
import Synchronization
import Testing
import UmbelTensor
import UmbelTesting

@testable import UmbelAdapters
@testable import UmbelEngine

/// Merging ahead of a response: order, errors, bounds and the end of it.
@Suite("Merging ahead", .timeLimit(.minutes(1)))
struct TensorFeedTests {
    private struct Failure: Error, Equatable { let tensor: Int }

    /// Tensors that say by their length which they are, and what was asked for.
    private final class Source: MergedTensorSource {
        struct Seen {
            var asked: [Int] = []
            /// The most that was ahead at any call.
            var mostAhead = 0
        }

        let readAhead: ReadAhead
        let seen = Mutex(Seen())
        let ready: Set<Int>
        let failing: Int?
        /// Told when a tensor is asked for; nil for nobody.
        let begun: DispatchSemaphore?

        init(limit: Int, ready: Set<Int> = [], failing: Int? = nil, begun: DispatchSemaphore? = nil) {
            readAhead = ReadAhead(pool: ComputePool(threads: 2), limit: limit)
            self.ready = ready
            self.failing = failing
            self.begun = begun
        }

        var asked: [Int] { seen.withLock { $0.asked } }

        func tensor(_ index: Int, of model: MergedModel) throws -> MergedTensor {
            seen.withLock { seen in
                seen.asked.append(index)
                seen.mostAhead = max(seen.mostAhead, readAhead.usedBytes)
            }
            begun?.signal()
            if index == failing { throw Failure(tensor: index) }
            return MergedTensor(dtype: .f32, shape: [index + 1])
        }

        func isReady(_ index: Int, of model: MergedModel) -> Bool { ready.contains(index) }
    }

    private static let megabyte = 1 << 20
    private let model: MergedModel

    init() throws {
        let folder = try TemporaryFolder()
        let tensors = [TestTensor("t.weight", [1, 1], [1])]
        let base = try BaseModel(name: "base", path: folder.write(tensors.file(), to: "base.safetensors"))
        model = MergedModel(base: base, plan: MergePlan(base: base.weights, steps: []))
    }

    private func feed(_ count: Int, megabytes: Int, from source: Source) -> TensorFeed {
        let order = (0..<count).map { TensorFeed.Upcoming(tensor: $0, bytes: megabytes * Self.megabyte) }
        return TensorFeed(order, of: model, from: source)
    }

    private func number(_ tensor: MergedTensor) -> Int { tensor.shape[0] - 1 }

    @Test("Tensors come in the order in which they are due", arguments: [1, 2, 3, 17, 200], [1, 5])
    func order(count: Int, megabytes: Int) throws {
        let source = Source(limit: 12 * Self.megabyte)
        let feed = feed(count, megabytes: megabytes, from: source)
        feed.begin()
        for index in 0..<count { #expect(number(try feed.next()) == index) }
        feed.stop()
        #expect(source.asked.sorted() == Array(0..<count), "each is merged once")
        #expect(source.readAhead.usedBytes == 0)
    }

    @Test("What is ahead stays within the limit", arguments: [1, 3, 7])
    func limit(megabytes: Int) throws {
        let source = Source(limit: 8 * Self.megabyte)
        let feed = feed(60, megabytes: megabytes, from: source)
        feed.begin()
        for _ in 0..<60 { _ = try feed.next() }
        feed.stop()
        #expect(source.seen.withLock { $0.mostAhead } <= 8 * Self.megabyte)
    }

    @Test("Of tensors that are larger than the limit one is ahead")
    func largeTensors() throws {
        let begun = DispatchSemaphore(value: 0)
        let source = Source(limit: Self.megabyte, begun: begun)
        let feed = feed(5, megabytes: 300, from: source)
        feed.begin()
        // The one that is due and the next are merged though nobody has taken any.
        begun.wait()
        begun.wait()
        #expect(source.asked == [0, 1])
        for index in 0..<5 { #expect(number(try feed.next()) == index) }
        feed.stop()
        #expect(source.seen.withLock { $0.mostAhead } <= 300 * Self.megabyte)
    }

    @Test("Of many responses that send large tensors one is ahead, and each has the tensor that it sends")
    func manyResponses() throws {
        let begun = DispatchSemaphore(value: 0)
        let source = Source(limit: Self.megabyte, begun: begun)
        let feeds = (0..<4).map { _ in feed(5, megabytes: 300, from: source) }
        for feed in feeds { #expect(number(try feed.next()) == 0) }
        // Four that are sent, and one ahead of one of them.
        for _ in 0..<5 { begun.wait() }
        // Before any of them ends and leaves its room to another.
        #expect(source.asked.sorted() == [0, 0, 0, 0, 1])
        for feed in feeds { feed.stop() }
        #expect(source.readAhead.usedBytes == 0)
    }

    @Test("Not more than a few small tensors are ahead, however much room there is")
    func count() throws {
        let source = Source(limit: 1 << 40)
        let order = (0..<500).map { TensorFeed.Upcoming(tensor: $0, bytes: 1 << 16) }
        let feed = TensorFeed(order, of: model, from: source)
        feed.begin()
        for taken in 0..<100 {
            _ = try feed.next()
            #expect(source.asked.count <= taken + 1 + TensorFeed.tensorLimit)
        }
        feed.stop()
        #expect(source.asked.count <= 100 + TensorFeed.tensorLimit)
        #expect(source.readAhead.usedBytes == 0)
    }

    @Test("Who stops in the middle has nothing merged any more, and gives back the room")
    func stop() throws {
        let source = Source(limit: 8 * Self.megabyte)
        let feed = feed(1000, megabytes: 2, from: source)
        feed.begin()
        for _ in 0..<3 { _ = try feed.next() }
        feed.stop()
        let asked = source.asked.count
        #expect(asked <= 3 + 1 + 4)
        #expect(source.readAhead.usedBytes == 0)
        #expect(source.asked.count == asked)
    }

    @Test("An error comes when its tensor is due, and nothing is merged behind it")
    func errors() throws {
        let source = Source(limit: 100 * Self.megabyte, failing: 7)
        let feed = feed(50, megabytes: 5, from: source)
        feed.begin()
        for index in 0..<7 { #expect(number(try feed.next()) == index) }
        #expect(throws: Failure(tensor: 7)) { try feed.next() }
        feed.stop()
        #expect(source.asked == Array(0...7))
    }

    @Test("What is in memory is taken from there, and merging begins with the first that is not")
    func ready() throws {
        let source = Source(limit: 8 * Self.megabyte, ready: Set(0..<20))
        let feed = feed(30, megabytes: 5, from: source)
        feed.begin()
        for index in 0..<20 {
            #expect(number(try feed.next()) == index)
            #expect(source.asked.count == index + 1, "nothing is ahead")
        }
        for index in 20..<30 { #expect(number(try feed.next()) == index) }
        feed.stop()
        #expect(source.asked == Array(0..<30))
    }

    @Test("Responses share the room, and each gets on without any")
    func shared() throws {
        let source = Source(limit: 4 * Self.megabyte)
        let feeds = (0..<4).map { _ in feed(20, megabytes: 3, from: source) }
        for feed in feeds { feed.begin() }
        for index in 0..<20 { for feed in feeds { #expect(number(try feed.next()) == index) } }
        for feed in feeds { feed.stop() }
        #expect(source.seen.withLock { $0.mostAhead } <= 4 * Self.megabyte)
        #expect(source.readAhead.usedBytes == 0)
    }
}
