import Dispatch
import Testing
import UmbelPOSIX
import UmbelTesting

@testable import UmbelRegistry

/// What is acknowledged is on the disk, and who waits for that holds up nobody.
@Suite("Waiting for the disk", .timeLimit(.minutes(1)))
struct WaitingForTheDiskTests {
    /// An upload on its way between threads, one of which uses it at a time but for the end of its file.
    private final class Passed: @unchecked Sendable {
        // Sendable: `finish` and the wait for the disk meet in the file's follower, which has locks of its own.
        let upload: Upload
        init(_ upload: Upload) { self.upload = upload }
    }

    @Test("The registry changes while an upload is waited for, and knows that one when it is on the disk")
    func others() throws {
        let folder = try TemporaryFolder()
        let store = try AdapterStore(folder: folder.path)
        let slow = Passed(try store.beginUpload())
        // Long enough to be followed; what is not finished cannot be on the disk.
        let bytes = [UInt8](repeating: 7, count: 2 << 20)
        try bytes.withUnsafeBytes { try slow.upload.write($0) }
        let (finished, stored, changed) = (DispatchSemaphore(value: 0), DispatchGroup(), DispatchGroup())
        stored.enter()
        try Thread.start {
            _ = try? store.commit(slow.upload, as: "slow", options: .init()) { _ in finished.wait() }
            stored.leave()
        }
        changed.enter()
        try Thread.start {
            // Many, so that the other has begun to wait before the last.
            for number in 0..<100 {
                guard let quick = try? store.beginUpload(), (try? quick.finish()) != nil else { break }
                _ = try? store.commit(quick, as: "quick\(number)", options: .init()) { _ in }
            }
            changed.leave()
        }
        #expect(changed.wait(timeout: .now() + 30) == .success)
        #expect(store.record("quick99") != nil)
        #expect(store.record("slow") == nil)
        try slow.upload.finish()
        finished.signal()
        #expect(stored.wait(timeout: .now() + 30) == .success)
        #expect(store.record("slow")?.digest == bytes.withUnsafeBytes(SHA256.hex(of:)))
        #expect(folder.names(in: "uploads") == [])
    }
}
