import Glibc
import Testing
import UmbelPOSIX

@Suite("Following a file while it is written", .timeLimit(.minutes(1)))
struct FileFollowerTests {
    @Test(
        "The digest is that of all that was written, in whatever pieces, and whatever length the file had before",
        arguments: [[], [1], [300_000, 1, 1_500_000, 700_000]], [0, 5_000_000])
    func digest(pieces: [Int], length: Int) throws {
        let path = "/tmp/umbel-follower-\(getpid())-\(pieces.count)-\(length)"
        let file = try FileDescriptor.create(path)
        defer { unlink(path) }
        try file.setSize(length, path)
        let written = ByteGate()
        let follower = try FileFollower(file, path, written: written)
        var all: [UInt8] = []
        for (number, count) in pieces.enumerated() {
            let piece = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + number) }
            try piece.withUnsafeBytes { try file.writeAll($0, path) }
            written.add(count)
            all += piece
        }
        written.end()
        #expect(try follower.digest() == all.withUnsafeBytes(SHA256.hex(of:)))
        try follower.waitUntilDurable()
    }

    @Test("A failure on the way is told at the end, to whoever asks")
    func failure() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let (_, input) = (FileDescriptor(owning: ends[0]), FileDescriptor(owning: ends[1]))
        let written = ByteGate()
        // A pipe has no places to read at, and nothing of it can be on a disk.
        let follower = try FileFollower(input, "pipe", written: written)
        written.add(1)
        written.end()
        #expect(throws: SystemError(call: "pread", subject: "pipe", code: ESPIPE)) { try follower.digest() }
        #expect(throws: SystemError(call: "pread", subject: "pipe", code: ESPIPE)) { try follower.waitUntilDurable() }
    }

    @Test("What cannot be brought to the disk is told")
    func failureOfTheDisk() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let (_, input) = (FileDescriptor(owning: ends[0]), FileDescriptor(owning: ends[1]))
        let written = ByteGate()
        let follower = try FileFollower(input, "pipe", written: written)
        written.end()
        #expect(throws: SystemError(call: "fdatasync", subject: "pipe", code: EINVAL)) {
            try follower.waitUntilDurable()
        }
    }

    @Test("Who waits for more than ever comes is told how much there is")
    func gate() {
        let gate = ByteGate()
        gate.add(3)
        #expect(gate.wait(for: 2) == 3)
        gate.end()
        #expect(gate.wait(for: 4) == 3)
    }
}
