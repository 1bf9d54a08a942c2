import Testing
import UmbelAdapters
import UmbelPOSIX
import UmbelRegistry
import UmbelTensor
import UmbelTesting

@testable import UmbelEngine

/// Adapters that are read while their files arrive.
@Suite("Reading an adapter while it arrives", .timeLimit(.minutes(1)))
struct EarlyReadingTests {
    private let folder: TemporaryFolder
    private let store: AdapterStore
    private let engine: Engine

    /// 2 MiB of f32.
    private static let shape = [1024, 512]

    init() throws {
        folder = try TemporaryFolder()
        store = try AdapterStore(folder: folder.path + "/data")
        let base = [TestTensor("a.weight", Self.shape, [Float](repeating: 1, count: Self.shape.elementCount))]
        engine = Engine(
            bases: [try BaseModel(name: "one", path: folder.write(base.file(), to: "one.safetensors"))],
            adapters: store, traffic: try TrafficTable(store), cacheBytes: 1 << 24, pool: ComputePool(threads: 2))
    }

    private static func file(last: Float = 1) -> [UInt8] {
        var values = (0..<shape.elementCount).map { Float($0 % 97) }
        values[values.count - 1] = last
        return [TestTensor("a.diff", shape, values)].file()
    }

    /// Sends what there is of a file whose length is said to be `length`.
    private func send(
        _ bytes: [UInt8], of length: Int, in pieces: Int
    ) throws -> (upload: Upload, reading: EarlyReading?) {
        let upload = try store.beginUpload()
        let reading = try EarlyReading(upload, bytes: length)
        for begin in stride(from: 0, to: bytes.count, by: pieces) {
            try bytes[begin..<min(begin + pieces, bytes.count)].withUnsafeBytes { try upload.write($0) }
        }
        return (upload, reading)
    }

    private func modules(_ adapter: Adapter) -> [String] {
        adapter.modules.map { "\($0.factors.stem) \($0.algorithm.name)" }
    }

    private func add(_ upload: Upload, _ reading: EarlyReading?) throws {
        _ = try engine.add(upload, reading: reading, as: "ink", options: AdapterOptions()) { (_) throws(EngineError) in
        }
    }

    @Test(
        "It is the adapter that the whole file is, in whatever pieces that comes", arguments: [7919, 262_144, 1 << 22])
    func pieces(size: Int) throws {
        let bytes = Self.file()
        let (upload, reading) = try send(bytes, of: bytes.count, in: size)
        try upload.finish()
        let started = try #require(reading)
        let early = try #require(started.adapter())
        let whole = try AdapterFile.open(tensors: upload.tensorPath, config: nil)
        #expect(modules(early) == modules(whole))
        try add(upload, reading)
        let digest = bytes.withUnsafeBytes { SHA256.hex(of: $0) }
        #expect(store.record("ink")?.digest == digest)
        let file = try engine.file(of: "ink").file
        let kept = withExtendedLifetime(file) { Array(file.bytes) }
        #expect(kept == bytes)
        let merged = try engine.cache.makeResident(try engine.variant("one+ink"))
        #expect(merged == .made)
    }

    @Test("A fault in the last number is told as it is of any file")
    func fault() throws {
        let bytes = Self.file(last: .nan)
        let (upload, reading) = try send(bytes, of: bytes.count, in: 100_000)
        try upload.finish()
        #expect(try #require(reading).adapter() == nil)
        #expect(throws: EngineError.self) {
            try add(upload, reading)
        }
        #expect(store.all().isEmpty)
    }

    @Test("An upload that breaks off ends its reading, wherever it had come to", arguments: [0, 4, 60, 1_500_000])
    func brokenOff(bytes: Int) throws {
        let file = Self.file()
        var sent: (upload: Upload, reading: EarlyReading?)? = try send(
            Array(file.prefix(bytes)), of: file.count, in: 50_000)
        let reading = try #require(sent?.reading)
        sent = nil
        #expect(reading.adapter() == nil)
    }

    @Test("A file that ends before its declared length has the length that it has")
    func shorter() throws {
        let file = Self.file()
        let (upload, reading) = try send(Array(file.dropLast(10)), of: file.count, in: 50_000)
        try upload.finish()
        #expect(try #require(reading).adapter() == nil)
        #expect(try FileDescriptor.read(upload.tensorPath).size(upload.tensorPath) == file.count - 10)
        let digest = file.dropLast(10).withUnsafeBytes { SHA256.hex(of: $0) }
        #expect(upload.digest == digest)
    }

    @Test("A small file is not worth a thread")
    func small() throws {
        #expect(try EarlyReading(store.beginUpload(), bytes: 1000) == nil)
    }
}
