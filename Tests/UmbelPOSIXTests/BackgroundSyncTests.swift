import Glibc
import Testing
import UmbelPOSIX

@Suite("Bringing a file to the disk while it is written", .timeLimit(.minutes(1)))
struct BackgroundSyncTests {
    @Test("It ends after the last byte, however often it is told of more", arguments: [0, 1, 20])
    func ends(pieces: Int) throws {
        let path = "/tmp/umbel-sync-\(getpid())-\(pieces)"
        let file = try FileDescriptor.create(path)
        defer { unlink(path) }
        let sync = try BackgroundSync(file, path)
        for _ in 0..<pieces {
            try [UInt8](repeating: 1, count: 10_000).withUnsafeBytes { try file.writeAll($0, path) }
            sync.more()
        }
        sync.end()
        try sync.wait()
        #expect(try file.size(path) == 10_000 * pieces)
    }

    @Test("A failure on the way is told at the end")
    func failure() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let (_, input) = (FileDescriptor(owning: ends[0]), FileDescriptor(owning: ends[1]))
        // Nothing of a pipe can be on a disk.
        let sync = try BackgroundSync(input, "pipe")
        sync.more()
        sync.end()
        #expect(throws: SystemError(call: "fdatasync", subject: "pipe", code: EINVAL)) { try sync.wait() }
    }
}
