internal import Dispatch
internal import Synchronization
internal import UmbelAdapters
internal import UmbelPOSIX
package import UmbelRegistry

/// Reads an adapter while its file arrives, on a thread of its own, so that little is left to do after the last byte.
///
/// It only saves time: whatever it does not come to an end with is done again, and told of, by who stores the upload.
package final class EarlyReading: Sendable {
    /// What is shorter is read sooner than a thread starts.
    private static let leastBytes = 1 << 20

    private let result = Mutex<Adapter?>(nil)
    private let ended = DispatchGroup()

    /// Begins to read the tensor file of an upload, which has no settings.
    ///
    /// - Parameter bytes: how long the file will be.
    /// - Returns: nil if it is not worth a thread, or there is none to spare.
    /// - Throws: `EngineError.system` if the file cannot be made so long.
    package init?(_ upload: Upload, bytes: Int) throws(EngineError) {
        guard bytes >= Self.leastBytes, let arrived = upload.arrived else { return nil }
        do throws(SystemError) {
            try upload.expect(bytes: bytes)
        } catch {
            throw .system(error)
        }
        ended.enter()
        do throws(SystemError) {
            // The upload ends its gate when it ends, in whatever way, and this with it.
            try Thread.start { [path = upload.tensorPath] in
                let adapter = AdapterFile.open(arriving: path, arrived)
                self.result.withLock { $0 = adapter }
                self.ended.leave()
            }
        } catch {
            ended.leave()
            return nil
        }
    }

    /// Waits for the end, which comes soon after that of the upload.
    ///
    /// - Returns: nil if the file has to be read anew.
    func adapter() -> Adapter? {
        ended.wait()
        return result.withLock { $0 }
    }
}
