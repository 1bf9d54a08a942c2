import Dispatch
import Logging
import Synchronization
import UmbelEngine
import UmbelPOSIX
import UmbelRegistry
import UmbelServer
import UmbelTensor

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

    /// Gives memory that is kept for later merges back to the system, when others are short of it or nobody merged for a time.
    func giveBackMemory(unusedFor seconds: Double) throws {
        let idle = Mutex(IdleTime(limit: seconds))
        let (engine, logger) = (engine, logger)
        try start("giving back memory", every: min(2, seconds)) {
            let now = Double(DispatchTime.now().uptimeNanoseconds) / 1e9
            let isIdle = idle.withLock { $0.isOver(uses: engine.cache.counters.builds, now: now) }
            guard isIdle || SystemFacts.isShortOfMemory, RecycledMemory.keptBytes > 0 else { return }
            logger.debug(
                "spare memory given back",
                metadata: ["bytes": "\(RecycledMemory.keptBytes)", "cause": isIdle ? "unused" : "memory is short"])
            RecycledMemory.release()
        }
    }

    /// Lets finished drawings go when their time is over.
    func forgetDrawings(of queue: DrawingQueue) throws {
        try start("forgetting drawings", every: min(10, queue.settings.keepSeconds)) { queue.forgetOld() }
    }

    private func start(_ what: String, every seconds: Double, _ body: @escaping @Sendable () -> Void) throws {
        do throws(SystemError) {
            try Thread.start(every: seconds, body)
        } catch {
            throw CommandFailure(.failed, "no thread for \(what): \(error.message)")
        }
    }
}

/// How long something was of no use.
struct IdleTime: Sendable {
    let limit: Double
    private var uses = -1
    private var since = 0.0

    /// - Parameter limit: seconds.
    init(limit: Double) {
        self.limit = limit
    }

    /// - Parameters:
    ///   - uses: how often it was of use so far.
    ///   - now: seconds of a clock that never goes back.
    /// - Returns: whether the last use was so many seconds ago. Once: then it begins anew.
    mutating func isOver(uses: Int, now: Double) -> Bool {
        if uses != self.uses { (self.uses, since) = (uses, now) }
        guard now - since >= limit else { return false }
        since = now
        return true
    }
}
