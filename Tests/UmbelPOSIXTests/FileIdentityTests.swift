import Foundation
import Glibc
import Testing
import UmbelPOSIX
import UmbelTesting

@Suite("File identities")
struct FileIdentityTests {
    /// When the file has been left alone long enough.
    private func identity(_ path: String) throws -> FileIdentity {
        for _ in 0..<200 {
            if let identity = try FileIdentity(of: FileDescriptor.read(path)) { return identity }
            usleep(20_000)
        }
        throw SystemError.missing(path)
    }

    @Test("A file that is left alone keeps its identity, under any name")
    func stays() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("content", to: "file")
        let first = try identity(path)
        #expect(first.bytes == 7)
        #expect(try identity(path) == first)
        #expect(try MappedFile(path: path).identity == first)
    }

    @Test("Every change gives another identity")
    func changes() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("content", to: "file")
        var seen = [try identity(path)]
        func changed(_ change: () throws -> Void) throws {
            try change()
            let now = try identity(path)
            #expect(!seen.contains(now))
            seen.append(now)
        }
        // Another content of the same length, in place.
        try changed {
            let file = try FileHandle(forUpdating: URL(filePath: path))
            try file.write(contentsOf: Data("CONTENT".utf8))
            try file.close()
        }
        try changed {
            let file = try FileHandle(forUpdating: URL(filePath: path))
            try file.seekToEnd()
            try file.write(contentsOf: Data("s".utf8))
            try file.close()
        }
        // The old time of the content set again, as a copy that keeps times does: the time of the change tells.
        try changed {
            let times = [timespec(tv_sec: 1, tv_nsec: 5), timespec(tv_sec: 1, tv_nsec: 5)]
            #expect(utimensat(AT_FDCWD, path, times, 0) == 0)
        }
        try changed { try AtomicFile.write("content".utf8, to: path) }
    }

    @Test("A file that has just changed has no identity yet: the next change could bear the same time")
    func fresh() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/file"
        // Tries again where the machine took longer than that between the two.
        let found = try (0..<50).contains { _ in
            try AtomicFile.write("content".utf8, to: path)
            return try FileIdentity(of: FileDescriptor.read(path)) == nil
        }
        #expect(found)
    }

    @Test("Loading a mapping changes nothing of it")
    func load() throws {
        let folder = try TemporaryFolder()
        let file = try MappedFile(path: folder.write([UInt8](repeating: 7, count: 40_000), to: "file"))
        file.load()
        #expect(withExtendedLifetime(file) { file.bytes.allSatisfy { $0 == 7 } })
        try MappedFile(path: folder.write([], to: "empty")).load()
    }
}
