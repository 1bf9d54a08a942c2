import Foundation
import Testing
import UmbelPOSIX
import UmbelTesting

@testable import UmbelRegistry

/// Full databases, damaged ones, files that are missing, and the data folder of the former layout.
@Suite("Faults of the registry")
struct FaultTests {
    private func put(
        _ text: String, config: String? = nil, as name: String, in store: AdapterStore, labels: [String: String] = [:]
    ) throws {
        let upload = try store.beginUpload()
        try Array(text.utf8).withUnsafeBytes { try upload.write($0) }
        if let config { try upload.setConfig(Array(config.utf8)) }
        try upload.finish()
        _ = try store.commit(upload, as: name, options: .init(), labels: labels) { _ in }.get()
    }

    @Test("A full database refuses the change, and memory, disk and files stay as they were")
    func fullDatabase() throws {
        let folder = try TemporaryFolder()
        var records: [AdapterRecord] = []
        var blobs: [String] = []
        do { try put("first", as: "first", in: try AdapterStore(folder: folder.path)) }
        do {
            // A few pages more than there are now.
            let pages = try Data(contentsOf: URL(filePath: folder.path + "/registry.sqlite")).count / 4096 + 16
            let store = try AdapterStore(folder: folder.path, settings: .init(), pageLimit: pages)
            let label = String(repeating: "x", count: 200)
            let labels = Dictionary(uniqueKeysWithValues: (0..<60).map { ("label\($0)", label) })
            var refusal: (any Error)?
            for number in 0..<100 where refusal == nil {
                (records, blobs) = (store.all(), folder.names(in: "blobs"))
                do { try put("\(number)", as: "n\(number)", in: store, labels: labels) } catch { refusal = error }
            }
            #expect(refusal as? RegistryError == .diskFull)
            #expect(store.all() == records)
            #expect(folder.names(in: "blobs") == blobs)
            #expect(folder.names(in: "uploads") == [])
            let first = try #require(store.record("first"))
            #expect(throws: RegistryError.diskFull) {
                try store.update("first") { _ in first.labeled(labels.mapValues { $0 }) }.get()
            }
            #expect(throws: RegistryError.diskFull) {
                for number in 0..<1000 {
                    let upload = try store.beginBlob()
                    _ = try upload.finish()
                    try store.keep(upload, as: String(format: "%064d", number))
                }
            }
            #expect(store.all() == records)
        }
        #expect(try AdapterStore(folder: folder.path).all() == records)
    }

    @Test("A damaged database is not touched, nothing is changed, and no content is swept away", arguments: [0, 5000])
    func damagedDatabase(offset: Int) throws {
        let folder = try TemporaryFolder()
        do {
            let store = try AdapterStore(folder: folder.path)
            for number in 0..<40 { try put("\(number)", as: "n\(number)", in: store, labels: ["a": "b"]) }
        }
        let path = folder.path + "/registry.sqlite"
        var file = try Data(contentsOf: URL(filePath: path))
        file.replaceSubrange(offset..<file.count, with: Data(repeating: 0xA5, count: file.count - offset))
        try file.write(to: URL(filePath: path))
        let blobs = folder.names(in: "blobs")
        let store = try AdapterStore(folder: folder.path)
        guard case .database(.damaged) = store.faults.first else {
            Issue.record("the damage was not told of: \(store.faults)")
            return
        }
        #expect { try put("new", as: "new", in: store) } throws: { error in
            if case RegistryError.damaged = error { true } else { false }
        }
        #expect(folder.names(in: "blobs").filter(blobs.contains) == blobs)
        #expect(try Data(contentsOf: URL(filePath: path)) == file)
    }

    @Test("A content that is missing or cut off is told of with its names, and comes back with the same upload")
    func missingContent() throws {
        let folder = try TemporaryFolder()
        do {
            let store = try AdapterStore(folder: folder.path)
            try put("one", as: "a", in: store)
            try put("two", as: "b", in: store)
            try put("three", as: "c", in: store)
        }
        try Directory.removeFile(folder.path + "/blobs/" + SHA256.hex(of: "one"))
        try folder.write("t", to: "blobs/" + SHA256.hex(of: "two"))
        try repairContent(folder)
        #expect(try AdapterStore(folder: folder.path).faults == [])
    }

    private func repairContent(_ folder: TemporaryFolder) throws {
        let store = try AdapterStore(folder: folder.path)
        let named = store.faults.map { fault -> [String] in
            if case .content(_, _, let names) = fault { names } else { [] }
        }
        #expect(Set(named) == [["a"], ["b"]])
        #expect(store.all().map(\.name) == ["a", "b", "c"])
        try put("one", as: "a", in: store)
        try put("two", as: "again", in: store)
    }

    @Test("Contents without the database that knew them are moved aside, not swept away")
    func strayBlobs() throws {
        let folder = try TemporaryFolder()
        try folder.write("one", to: "blobs/" + SHA256.hex(of: "one"))
        let store = try AdapterStore(folder: folder.path)
        guard case .strayBlobs(let path) = store.faults.first else {
            Issue.record("\(store.faults)")
            return
        }
        #expect(try Directory.names(in: path) == [SHA256.hex(of: "one")])
        #expect(folder.names(in: "blobs") == [])
    }

    // MARK: The former layout

    private func formerRecord(_ name: String, digest: String, generation: Int = 1) -> String {
        """
        {"version":1,"name":"\(name)","digest":"\(digest)","bytes":3,"created":7,"generation":\(generation),\
        "prefixes":["a=b"],"allow_unmatched":true,"base":null,"without_base":false}
        """
    }

    private func writeFormer(_ folder: TemporaryFolder) throws -> (plain: String, both: String) {
        let plain = SHA256.hex(of: "one")
        let list = "\(SHA256.hex(of: "{}"))  adapter_config.json\n\(plain)  adapter.safetensors\n"
        let both = SHA256.hex(of: list)
        try folder.write("one", to: "blobs/\(plain)/adapter.safetensors")
        try folder.write("one", to: "blobs/\(both)/adapter.safetensors")
        try folder.write("{}", to: "blobs/\(both)/adapter_config.json")
        try folder.write(formerRecord("a", digest: plain), to: "adapters/a.json")
        try folder.write(formerRecord("b", digest: both, generation: 4), to: "adapters/b.json")
        try folder.write("{", to: "adapters/c.json.17.99.partial")
        return (plain, both)
    }

    @Test("A folder of the former layout is taken over with all that was settled")
    func takeOver() throws {
        let folder = try TemporaryFolder()
        let (plain, both) = try writeFormer(folder)
        let store = try AdapterStore(folder: folder.path)
        #expect(store.faults == [])
        #expect(store.all().map(\.name) == ["a", "b"])
        #expect(store.record("a")?.digest == plain && store.record("b")?.digest == both)
        #expect(store.record("b")?.generation == 4 && store.record("b")?.created == Date(seconds: 7))
        #expect(store.record("a")?.options.allowsUnmatched == true)
        #expect(store.record("a")?.options.prefixes.map(\.text) == ["a=b"])
        #expect(folder.names(in: "blobs") == [plain, SHA256.hex(of: "{}")].sorted(), "the tensors are stored once")
        #expect(!Directory.isDirectory(folder.path + "/adapters"))
        #expect(!Directory.isDirectory(folder.path + "/former-blobs"))
        #expect(store.configPath(both).map(Directory.isFile) == true)
    }

    @Test("Taking over begins again after a crash, and does not undo what was changed since")
    func takeOverAgain() throws {
        let folder = try TemporaryFolder()
        let (plain, both) = try writeFormer(folder)
        // Cut off after some folders were moved.
        try Directory.create(folder.path + "/former-blobs")
        try Directory.rename(folder.path + "/blobs/" + plain, to: folder.path + "/former-blobs/" + plain)
        do {
            let store = try AdapterStore(folder: folder.path)
            #expect(store.all().map(\.digest) == [plain, both])
            try put("two", as: "a", in: store)
        }
        // Cut off after the transaction, before the record was removed.
        try folder.write(formerRecord("a", digest: plain), to: "adapters/a.json")
        let store = try AdapterStore(folder: folder.path)
        #expect(store.faults == [])
        #expect(store.record("a")?.digest == SHA256.hex(of: "two"))
        #expect(!Directory.isDirectory(folder.path + "/adapters"))
    }

    @Test("A former record that cannot be read is told of, and no content goes that it might point to")
    func unreadableFormer() throws {
        let folder = try TemporaryFolder()
        _ = try writeFormer(folder)
        try folder.write("not json", to: "adapters/x.json")
        try folder.write(formerRecord("y", digest: String(repeating: "f", count: 64)), to: "adapters/y.json")
        for _ in 0..<2 {
            let store = try AdapterStore(folder: folder.path)
            #expect(store.all().map(\.name) == ["a", "b"])
            #expect(store.faults.count == 2)
            #expect(folder.names(in: "adapters") == ["x.json", "y.json"])
            #expect(folder.names(in: "former-blobs").count == 2)
        }
    }
}
