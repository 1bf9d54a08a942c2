import Testing
import UmbelPOSIX
import UmbelRegistry
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
        try store.commit(upload(text, to: store), as: name, options: options) { _ in }.get()
    }

    /// - Returns: false if there is no such name.
    private func remove(_ name: String, in store: AdapterStore) throws -> Bool {
        try store.update(name) { _ in nil }.get() != nil
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
        #expect(folder.names(in: "blobs") == [SHA256.hex(of: "one"), SHA256.hex(of: "two")].sorted())
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
        #expect(try remove("a", in: store))
        #expect(folder.names(in: "blobs") == [digest])
        #expect(try !remove("a", in: store))
        #expect(try remove("b", in: store))
        #expect(folder.names(in: "blobs") == [])
    }

    @Test("A content that is mapped stays readable after its name is gone")
    func mappedContent() throws {
        let folder = try TemporaryFolder()
        let store = try AdapterStore(folder: folder.path)
        let record = try put("content", as: "a", in: store).record
        let mapping = try MappedFile(path: #require(store.tensorPath(record.digest)))
        #expect(try remove("a", in: store))
        #expect(withExtendedLifetime(mapping) { String(decoding: mapping.bytes, as: UTF8.self) } == "content")
    }

    @Test("A refused commit or removal changes nothing and leaves nothing")
    func refusal() throws {
        let folder = try TemporaryFolder()
        let store = try AdapterStore(folder: folder.path)
        let record = try put("one", as: "a", in: store).record
        #expect(throws: Refused.self) {
            try store.commit(upload("two", to: store), as: "a", options: .init()) { (old) throws(Refused) in
                #expect(old == record)
                throw Refused()
            }.get()
        }
        #expect(throws: Refused.self) { try store.update("a") { (_) throws(Refused) in throw Refused() }.get() }
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
        let record = try store.commit(both, as: "a", options: .init()) { _ in }.get().record
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
            try put("three", as: "b", in: store)
            records = store.all()
        }
        // A content without record, an upload cut off, and something that is not ours.
        try folder.write("x", to: "blobs/\(String(repeating: "0", count: 64))")
        try folder.write("x", to: "blobs/readme.txt")
        try folder.write("x", to: "uploads/123/adapter.safetensors")
        let store = try AdapterStore(folder: folder.path)
        #expect(store.all() == records)
        #expect(store.faults == [])
        #expect(folder.names(in: "blobs") == (["one", "two", "three"].map(SHA256.hex) + ["readme.txt"]).sorted())
        #expect(folder.names(in: "uploads") == [])
        #expect(try put("four", as: "b", in: store).record.generation == 3)
    }
}
