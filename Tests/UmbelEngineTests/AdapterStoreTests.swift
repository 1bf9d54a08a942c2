import Testing
import UmbelEngine
import UmbelPOSIX
import UmbelTesting

@Suite("Adapter store")
struct AdapterStoreTests {
    private struct Refused: Error {}

    private func upload(_ text: String, config: String? = nil, to store: AdapterStore) throws -> Upload {
        let upload = try store.beginUpload()
        try Array(text.utf8).withUnsafeBytes { try upload.write($0) }
        if let config { try upload.setConfig(Array(config.utf8)) }
        try upload.finish()
        return upload
    }

    @discardableResult
    private func put(
        _ text: String, as name: String, in store: AdapterStore, options: AdapterOptions = .init()
    ) throws -> (record: AdapterRecord, isNew: Bool) {
        try store.commit(upload(text, to: store), as: name, options: options) { _ in }
    }

    @Test("A name points to what was uploaded, with its digest, size and generation")
    func commit() throws {
        let folder = try TemporaryFolder()
        let store = try AdapterStore(folder: folder.path)
        let first = try put("one", as: "a", in: store)
        #expect(first.isNew)
        #expect(first.record.digest == SHA256.hex(of: "one"))
        #expect(first.record.bytes == 3 && first.record.generation == 1)
        #expect(store.record("a") == first.record)
        #expect(store.record("b") == nil)
        let again = try put("one", as: "a", in: store)
        #expect(!again.isNew && again.record == first.record, "the same content is no new generation")
        let second = try put("two", as: "a", in: store)
        #expect(!second.isNew && second.record.generation == 2)
        #expect(folder.names(in: "blobs") == [SHA256.hex(of: "two")], "the old content went")
        #expect(folder.names(in: "uploads") == [])
        var options = AdapterOptions()
        options.allowsUnmatched = true
        #expect(
            try put("two", as: "a", in: store, options: options).record.generation == 3, "other options are a change")
    }

    @Test("Two names share a content, which goes with the last of them")
    func sharing() throws {
        let folder = try TemporaryFolder()
        let store = try AdapterStore(folder: folder.path)
        try put("x", as: "b", in: store)
        try put("x", as: "a", in: store)
        #expect(store.all().map(\.name) == ["a", "b"])
        let digest = SHA256.hex(of: "x")
        #expect(folder.names(in: "blobs") == [digest])
        #expect(try store.remove("a") { _ in })
        #expect(folder.names(in: "blobs") == [digest])
        #expect(try !store.remove("a") { _ in })
        #expect(try store.remove("b") { _ in })
        #expect(folder.names(in: "blobs") == [] && folder.names(in: "adapters") == [])
    }

    @Test("A content that is mapped stays readable after its name is gone")
    func mappedContent() throws {
        let folder = try TemporaryFolder()
        let store = try AdapterStore(folder: folder.path)
        let record = try put("content", as: "a", in: store).record
        let mapping = try MappedFile(path: store.tensorPath(record.digest))
        #expect(try store.remove("a") { _ in })
        #expect(withExtendedLifetime(mapping) { String(decoding: mapping.bytes, as: UTF8.self) } == "content")
    }

    @Test("A refused commit or removal changes nothing and leaves nothing")
    func refusal() throws {
        let folder = try TemporaryFolder()
        let store = try AdapterStore(folder: folder.path)
        let record = try put("one", as: "a", in: store).record
        #expect(throws: EngineError.self) {
            try store.commit(upload("two", to: store), as: "a", options: .init()) { (old) throws(EngineError) in
                #expect(old == record)
                throw .preconditionFailed(adapter: "a", digest: old?.digest)
            }
        }
        #expect(throws: EngineError.self) {
            _ = try store.remove("a") { (old) throws(EngineError) in
                throw .preconditionFailed(adapter: "a", digest: old.digest)
            }
        }
        #expect(store.all() == [record])
        #expect(folder.names(in: "blobs") == [record.digest])
        #expect(folder.names(in: "uploads") == [])
    }

    @Test("An upload that is dropped leaves nothing")
    func droppedUpload() throws {
        let folder = try TemporaryFolder()
        let store = try AdapterStore(folder: folder.path)
        do {
            let upload = try store.beginUpload()
            try Array("half".utf8).withUnsafeBytes { try upload.write($0) }
            #expect(folder.names(in: "uploads").count == 1)
        }
        #expect(folder.names(in: "uploads") == [])
    }

    @Test("The digest of an upload with settings is that of the list of both files")
    func digestWithConfig() throws {
        let store = try AdapterStore(folder: try TemporaryFolder().path)
        let plain = try upload("tensors", to: store)
        #expect(plain.digest == SHA256.hex(of: "tensors") && plain.configPath == nil)
        let both = try upload("tensors", config: "{}", to: store)
        let list =
            "\(SHA256.hex(of: "{}"))  adapter_config.json\n\(SHA256.hex(of: "tensors"))  adapter.safetensors\n"
        #expect(both.digest == SHA256.hex(of: list))
        let other = try upload("tensors", config: "{ }", to: store)
        #expect(other.digest != both.digest)
        let record = try store.commit(both, as: "a", options: .init()) { _ in }.record
        #expect(store.configPath(record.digest).map(Directory.isFile) == true)
    }

    @Test("A store that is opened again has what it had, and sweeps away what a crash left")
    func reopening() throws {
        let folder = try TemporaryFolder()
        var records: [AdapterRecord] = []
        do {
            let store = try AdapterStore(folder: folder.path)
            var options = AdapterOptions()
            options.prefixes = ["lora_te1=text_encoder"].compactMap(Prefix.init)
            options.allowsUnmatched = true
            options.base = "sd"
            try put("one", as: "a", in: store, options: options)
            options = .init()
            options.isWithoutBase = true
            try put("two", as: "b", in: store, options: options)
            records = store.all()
        }
        // A record half written, a content without record, an upload cut off.
        try folder.write("{\"ver", to: "adapters/c.json.17.99.partial")
        try folder.write("x", to: "blobs/\(String(repeating: "0", count: 64))/adapter.safetensors")
        try folder.write("x", to: "uploads/123/adapter.safetensors")
        let store = try AdapterStore(folder: folder.path)
        #expect(store.all() == records)
        #expect(store.unreadable == [])
        #expect(folder.names(in: "adapters") == ["a.json", "b.json"])
        #expect(folder.names(in: "blobs") == records.map(\.digest).sorted())
        #expect(folder.names(in: "uploads") == [])
        #expect(try put("three", as: "a", in: store).record.generation == 2)
    }

    @Test("A record that cannot be read is told of, and no content is swept away that it might point to")
    func unreadableRecords() throws {
        let folder = try TemporaryFolder()
        do {
            let store = try AdapterStore(folder: folder.path)
            for name in ["a", "b", "c"] { try put("content of \(name)", as: name, in: store) }
        }
        // One damaged, one from a later version, and one whose content is gone.
        try folder.write("not json", to: "adapters/a.json")
        try folder.write("{\"version\":2,\"name\":\"b\"}", to: "adapters/b.json")
        try folder.write(record("d", digest: String(repeating: "f", count: 64)), to: "adapters/d.json")
        let store = try AdapterStore(folder: folder.path)
        #expect(store.all().map(\.name) == ["c"])
        #expect(store.unreadable.map { Directory.name(of: $0) } == ["a.json", "b.json", "d.json"])
        #expect(folder.names(in: "adapters") == ["a.json", "b.json", "c.json", "d.json"])
        #expect(folder.names(in: "blobs").count == 3)
    }

    private func record(_ name: String, digest: String) -> String {
        """
        {"version":1,"name":"\(name)","digest":"\(digest)","bytes":1,"created":1,"generation":1,"prefixes":[],\
        "allow_unmatched":false,"base":null,"without_base":false}
        """
    }

    @Test("Names that could leave the folder are no names")
    func names() {
        for name in ["", "..", ".", "a/b", "/a", "a\u{0}", "a b", "ä", "-a", "_a", String(repeating: "a", count: 97)] {
            #expect(!Name.isValid(name), "\(name)")
        }
        for name in ["a", "A0", "a..b", "a.json", "0-._", String(repeating: "a", count: 96)] {
            #expect(Name.isValid(name), "\(name)")
        }
    }
}
