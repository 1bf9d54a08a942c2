import Logging
import UmbelEngine
import UmbelPOSIX
import UmbelRegistry
import UmbelServer

/// What the service does now and again without being asked, each on a thread of its own.
struct Keeper: Sendable {
    let engine: Engine
    let logger: Logger

    /// Takes in what is dropped into a folder.
    ///
    /// - Returns: nil if there is no folder to watch.
    func watch(_ path: String?, every seconds: Double) throws -> WatchedFolder? {
        guard let path else { return nil }
        let folder = WatchedFolder(path: path, engine: engine)
        try start("the watched folder", every: seconds) {
            let isFirstFault = folder.folderFault == nil
            do throws(SystemError) {
                for (path, outcome) in try folder.look() { report(path, outcome) }
            } catch {
                if isFirstFault {
                    logger.error("watched folder cannot be read", metadata: ["fault": "\(error.sentence)"])
                }
            }
        }
        return folder
    }

    private func report(_ path: String, _ outcome: WatchList.Outcome) {
        switch outcome {
        case .added(let name, let digest):
            logger.notice("adapter taken in", metadata: ["path": "\(path)", "name": "\(name)", "digest": "\(digest)"])
        case .unchanged(let name, _):
            logger.info("adapter is there already", metadata: ["path": "\(path)", "name": "\(name)"])
        case .refused(let error):
            let problem = Problem(error)
            logger.error(
                "adapter refused",
                metadata: ["path": "\(path)", "code": "\(problem.code)", "detail": "\(problem.detail)"])
        }
    }

    /// Forgets blobs that no adapter came to use.
    func sweepBlobs(graceSeconds: Int) throws {
        try start("sweeping", every: min(60, Double(graceSeconds) / 2)) {
            do throws(RegistryError) {
                try engine.adapters.sweep()
            } catch {
                logger.error("blobs cannot be swept", metadata: ["fault": "\(error.sentence)"])
            }
        }
    }

    private func start(_ what: String, every seconds: Double, _ body: @escaping @Sendable () -> Void) throws {
        do throws(SystemError) {
            try Thread.start(every: seconds, body)
        } catch {
            throw CommandFailure(.failed, "no thread for \(what): \(error.message)")
        }
    }
}
