import Testing
import UmbelPOSIX
import UmbelTesting

@Suite("Files and folders")
struct FileTests {
    @Test("An atomic file is there complete or not at all")
    func atomicFile() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/file"
        do {
            let file = try AtomicFile(path: path)
            try Array("half".utf8).withUnsafeBytes { try file.write($0) }
            #expect(folder.names().count == 1 && !folder.names().contains("file"))
        }
        #expect(folder.names() == [], "what was not committed is gone")
        try AtomicFile.write("one".utf8, to: path)
        let mapping = try MappedFile(path: path)
        try AtomicFile.write("two and more".utf8, to: path)
        #expect(withExtendedLifetime(mapping) { String(decoding: mapping.bytes, as: UTF8.self) } == "one")
        #expect(String(decoding: Array(try MappedFile(path: path).bytesCopied), as: UTF8.self) == "two and more")
        #expect(folder.names() == ["file"])
    }

    @Test("An empty file maps to nothing, a missing one says what is missing")
    func mapping() throws {
        let folder = try TemporaryFolder()
        let empty = try MappedFile(path: try folder.write([], to: "empty"))
        #expect(empty.bytes.isEmpty)
        let missing = folder.path + "/none"
        #expect(throws: SystemError(call: "open", subject: missing, code: 2)) { try MappedFile(path: missing) }
    }

    @Test("A new file must not exist yet")
    func creation() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write([1], to: "there")
        #expect(throws: SystemError(call: "open", subject: path, code: 17)) { try FileDescriptor.create(path) }
    }

    @Test("Folders are made with those above them, listed and removed with all below")
    func folders() throws {
        let folder = try TemporaryFolder()
        let deep = folder.path + "/a/b/c"
        try Directory.create(deep)
        try Directory.create(deep)
        try folder.write("x", to: "a/b/one")
        try folder.write("x", to: "a/two")
        try folder.write("x", to: "a/.hidden")
        #expect(Directory.isDirectory(deep) && !Directory.isFile(deep))
        #expect(try Directory.files(below: folder.path + "/a") == ["b/one", "two"])
        #expect(try Directory.names(in: folder.path + "/a") == [".hidden", "b", "two"])
        try Directory.removeTree(folder.path + "/a")
        try Directory.removeTree(folder.path + "/a")
        try Directory.removeFile(folder.path + "/a")
        #expect(folder.names() == [])
        #expect(throws: SystemError.self) { try Directory.names(in: folder.path + "/a") }
    }

    @Test("A file where a folder has to be is an error")
    func fileInTheWay() throws {
        let folder = try TemporaryFolder()
        try folder.write("x", to: "file")
        #expect(throws: SystemError.self) { try Directory.create(folder.path + "/file/below") }
    }

    @Test(
        "Paths are taken apart at their last slash",
        arguments: [("a/b", "a", "b"), ("/a", "/", "a"), ("a", ".", "a"), ("/a/b/", "/a/b", "b"), ("/", "/", "/")])
    func paths(path: String, parent: String, name: String) {
        #expect(Directory.parent(of: path) == parent)
        #expect(Directory.name(of: path) == name)
    }

    @Test("SHA-256 gives the digests of its standard, in one piece or many (FIPS 180-4)")
    func sha256() {
        #expect(SHA256.hex(of: "") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(SHA256.hex(of: "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        let long = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
        let hash = SHA256()
        var generator = SeededGenerator(seed: 1)
        var start = 0
        while start < long.count {
            let end = min(long.count, start + Int.random(in: 0...99_999, using: &generator))
            long[start..<end].withUnsafeBytes { hash.update($0) }
            start = end
        }
        #expect(hash.finish() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }
}

extension MappedFile {
    fileprivate var bytesCopied: [UInt8] { withExtendedLifetime(self) { Array(bytes) } }
}
