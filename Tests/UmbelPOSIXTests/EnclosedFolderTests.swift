import Testing
import UmbelPOSIX
import UmbelTesting

@Suite("Enclosed folder")
struct EnclosedFolderTests {
    @Test(
        "A relative path has only plain parts",
        arguments: [
            "", "/", ".", "..", "a/", "/a", "a//b", "a/./b", "a/../b", ".a", "a/.b", "a\u{0}", "a\\b", "%2e", "a\n",
        ])
    func refused(_ path: String) {
        #expect(!EnclosedFolder.isRelativePath(path))
    }

    @Test("Spaces, dots inside and letters of any script are plain", arguments: ["a", "a/b c.d", "ä/ö..ü", "a-b_c/1"])
    func taken(_ path: String) {
        #expect(EnclosedFolder.isRelativePath(path))
    }

    @Test("Files and folders are found, and what is neither is not there")
    func entries() throws {
        let folder = try TemporaryFolder()
        try Directory.create(folder.path + "/in/deep")
        try AtomicFile.write(Array("one".utf8), to: folder.path + "/in/deep/file")
        try AtomicFile.write(Array("two".utf8), to: folder.path + "/in/.hidden")
        let enclosed = try EnclosedFolder(path: folder.path)
        guard case .file(let file)? = try enclosed.entry("in/deep/file") else {
            Issue.record("the file is there")
            return
        }
        let mapping = try MappedFile(file, path: "file")
        #expect(withExtendedLifetime(mapping) { mapping.bytes.elementsEqual("one".utf8) })
        guard case .folder(let inner)? = try enclosed.entry("in") else {
            Issue.record("the folder is there")
            return
        }
        #expect(try inner.fileNames() == [])
        guard case .folder(let deep)? = try enclosed.entry("in/deep") else {
            Issue.record("the folder in it is there")
            return
        }
        #expect(try deep.fileNames() == ["file"])
        for path in ["in/deep/file/more", "none", "in/none", "in/.hidden"] {
            #expect(try enclosed.entry(path) == nil, "\(path)")
        }
        #expect(throws: SystemError.self) { try EnclosedFolder(path: folder.path + "/none") }
    }
}
