import Dispatch
import Foundation
import Glibc
import Synchronization
import Testing
import UmbelPOSIX
import UmbelTensor
import UmbelTesting

@testable import UmbelEngine

@Suite("Reading bases")
struct BaseReaderTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private var list: String { folder.path + "/list.json" }

    private func tensors(_ value: Float = 1) -> [TestTensor] {
        [
            TestTensor("a.weight", [300, 500], [Float](repeating: value, count: 150_000), as: .bf16),
            TestTensor.integers("ids", [3], [1, 2, 3]),
            TestTensor("b.weight", [3, 5], [Float](repeating: value, count: 15)),
        ]
    }

    /// Opened when its file has been left alone long enough to have an identity.
    private func base(_ path: String, name: String = "base") throws -> BaseModel {
        for _ in 0..<200 {
            let base = try BaseModel(name: name, path: path)
            if base.files.allSatisfy({ $0.mapping.identity != nil }) { return base }
            usleep(20_000)
        }
        throw SystemError.missing(path)
    }

    /// Reads bases to the end.
    private func read(_ bases: [BaseModel], threads: Int = 2) -> [String: BaseReader.Event] {
        let events = Mutex<[String: BaseReader.Event]>([:])
        let group = DispatchGroup()
        for _ in bases { group.enter() }
        let reader = BaseReader(known: KnownFiles(path: list)) { event in
            // The folder may be gone before the list is written.
            guard case .read(let name, _, _, _) = event else { return }
            events.withLock { $0[name] = event }
            group.leave()
        }
        reader.read(bases, threads: threads)
        group.wait()
        return events.withLock { $0 }
    }

    /// What the list says by now: it is written before a base is told of.
    private func known(_ base: BaseModel) throws -> KnownFiles {
        let known = KnownFiles(path: list)
        for file in base.files { #expect(known.findings(of: file) != nil, "\(file.path)") }
        return known
    }

    private func modified(_ path: String) throws -> Date? {
        try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
    }

    @Test("A file that is changed through a mapping that was open all the time is read anew")
    func changedThroughMapping() throws {
        let path = try folder.write(tensors().file(), to: "mapped.safetensors")
        let descriptor = open(path, O_RDWR)
        defer { close(descriptor) }
        let count = try Data(contentsOf: URL(filePath: path)).count
        let mapping = try #require(mmap(nil, count, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0))
        defer { munmap(mapping, count) }
        let last = mapping.assumingMemoryBound(to: UInt8.self) + (count - 1)
        // The page is written to before the file is read, and again after that.
        let before = try modified(path)
        usleep(20_000)
        last.pointee ^= 1
        // In memory (tmpfs) such stores change no times, and nobody can see them.
        guard try modified(path) != before else { return }
        let first = try base(path)
        _ = read([first])
        #expect(KnownFiles(path: list).findings(of: first.files[0]) != nil)
        last.pointee ^= 1
        #expect(KnownFiles(path: list).findings(of: try base(path).files[0]) == nil)
    }

    @Test("The digest of a file is its SHA-256, of a folder that of the list of its files", arguments: [1, 4])
    func digests(threads: Int) throws {
        let bytes = tensors().file()
        let single = try base(folder.write(bytes, to: "one.safetensors"), name: "single")
        try folder.write(bytes, to: "repo/model.safetensors")
        try folder.write(#"{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}"#, to: "repo/config.json")
        let repository = try base(folder.path + "/repo", name: "repository")
        #expect(!single.isRead && single.fileDigest("one.safetensors") == nil)
        _ = read([single, repository], threads: threads)
        let own = bytes.withUnsafeBytes { SHA256.hex(of: $0) }
        #expect(try single.digest() == own)
        let config = SHA256.hex(of: #"{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}"#)
        #expect(
            try repository.digest() == SHA256.hex(of: "\(config)  config.json\n\(own)  model.safetensors\n"))
        #expect(repository.fileDigest("model.safetensors") == own)
        #expect(BaseDigest.hash(repository) == (try repository.digest()))
        // Without anybody who reads in the background, whoever needs it does.
        #expect(try BaseModel(name: "again", path: folder.path + "/one.safetensors").digest() == own)
    }

    @Test("Whoever needs a digest waits until the base is read, and everybody gets it")
    func waiting() throws {
        let base = try base(folder.write(tensors().file(), to: "one.safetensors"))
        #expect(base.findings.claim())
        #expect(!base.findings.claim(), "one reads")
        let asked = DispatchSemaphore(value: 0)
        let answers = Mutex<[String]>([])
        let done = DispatchGroup()
        for _ in 0..<4 {
            done.enter()
            try Thread.start {
                asked.signal()
                let digest = (try? base.digest()) ?? ""
                answers.withLock { $0.append(digest) }
                done.leave()
            }
        }
        for _ in 0..<4 { asked.wait() }
        #expect(done.wait(timeout: .now() + 0.05) == .timedOut)
        #expect(answers.withLock { $0.isEmpty })
        let file = try #require(base.files.first)
        base.findings.settle(BaseFindings(base, [file.path: FileFindings.read(file, of: base)]))
        done.wait()
        #expect(answers.withLock { Set($0) } == [try base.digest()])
    }

    @Test("What was found is kept for the next start, and settles it before a byte is read")
    func kept() throws {
        let path = try folder.write(tensors().file(), to: "one.safetensors")
        let first = try base(path)
        _ = read([first])
        _ = try known(first)
        let second = try base(path)
        let reader = BaseReader(known: KnownFiles(path: list)) { _ in }
        reader.read([second], threads: 1)
        #expect(second.isRead, "nobody had to wait")
        #expect(try second.digest() == first.digest())
    }

    @Test("A file that changed in any way is read anew")
    func changed() throws {
        let path = try folder.write(tensors().file(), to: "one.safetensors")
        let first = try base(path)
        _ = read([first])
        let known = try known(first)
        func isKnown() throws -> Bool { known.findings(of: try #require(try base(path).files.first)) != nil }
        #expect(try isKnown())
        // The same length, other numbers, and the times of before as far as they can be set.
        var status = stat()
        #expect(stat(path, &status) == 0)
        let file = try FileHandle(forUpdating: URL(filePath: path))
        try file.write(contentsOf: Data(tensors(2).file()))
        try file.close()
        #expect(utimensat(AT_FDCWD, path, [status.st_atim, status.st_mtim], 0) == 0)
        #expect(try !isKnown(), "in place")
        try AtomicFile.write(tensors().file(), to: path)
        #expect(try !isKnown(), "replaced")
        let copy = try folder.write(tensors().file(), to: "two.safetensors")
        #expect(known.findings(of: try #require(try base(copy).files.first)) == nil, "elsewhere")
        // And what is found now counts from now on.
        let second = try base(path)
        _ = read([second])
        #expect(try second.digest() == first.digest(), "the content is that of the beginning")
        _ = try self.known(second)
    }

    @Test("A damaged list is no list, and never gives another digest")
    func damaged() throws {
        let base = try base(folder.write(tensors().file(), to: "one.safetensors"))
        _ = read([base])
        _ = try known(base)
        let file = try #require(base.files.first)
        let digest = try base.digest()
        let bytes = Array(try Data(contentsOf: URL(filePath: list)))
        func findings(_ bytes: [UInt8]) throws -> FileFindings? {
            try Data(bytes).write(to: URL(filePath: list))
            return KnownFiles(path: list).findings(of: file)
        }
        #expect(try findings(bytes)?.sha256 == digest)
        var generator = SeededGenerator(seed: 5)
        for place in bytes.indices {
            var damaged = bytes
            damaged[place] ^= UInt8.random(in: 1...255, using: &generator)
            let found = try findings(damaged)
            #expect(found == nil || found?.sha256 == digest, "byte \(place)")
        }
        for length in [0, 1, bytes.count / 2, bytes.count - 3] { #expect(try findings(Array(bytes[..<length])) == nil) }
        try FileManager.default.removeItem(atPath: list)
        #expect(KnownFiles(path: list).findings(of: file) == nil)
    }

    @Test("What a crash left of a list is gone at the next start")
    func leftovers() throws {
        try folder.write("half", to: "list.json.12.34.partial")
        try folder.write("other", to: "lists.json")
        _ = KnownFiles(path: list)
        #expect(folder.names() == ["lists.json"])
    }

    @Test("A base that holds NaN is found out by whoever needs it, each time anew", arguments: [Float.nan, .infinity])
    func flaw(value: Float) throws {
        var odd = tensors()
        var values = [Float](repeating: 1, count: 150_000)
        values[70_003] = value
        odd[0] = TestTensor("a.weight", [300, 500], values, as: .bf16)
        let path = try folder.write(odd.file(), to: "odd.safetensors")
        let opened = try base(path)
        let events = read([opened])
        guard case .read(_, _, _, let flaw) = events["base"] else { return #expect(Bool(false)) }
        #expect(flaw == .notFinite(tensor: "a.weight", index: 70_003))
        #expect(opened.flaw == flaw)
        #expect(throws: BaseError.notFinite(tensor: "a.weight", index: 70_003)) { try opened.digest() }
        let again = try base(path)
        #expect(KnownFiles(path: list).findings(of: try #require(again.files.first)) == nil)
        #expect(throws: BaseError.self) { try again.digest() }
    }
}
