internal import Dispatch
internal import Synchronization
package import UmbelPOSIX

/// Reads the bytes of bases in the background, several files at a time, so that a service is there before they are read. What
/// an earlier start found out is not read again.
package final class BaseReader: Sendable {
    /// What there is to tell while reading goes on.
    package enum Event: Sendable {
        /// A base has been read, or was known, and that is kept; `flaw` is what makes it unusable.
        case read(name: String, digest: String, seconds: Double, flaw: BaseError?)
        /// What was found cannot be kept for the next start.
        case notKept(SystemError)
    }

    private struct Task {
        let base: BaseModel
        let file: BaseModel.File
        /// Known already: the file only has to be mapped.
        let isKnown: Bool
    }

    private struct State {
        /// The next one last.
        var tasks: [Task] = []
        var findings: [ObjectIdentifier: [String: FileFindings]] = [:]
    }

    private let known: KnownFiles
    private let tell: @Sendable (Event) -> Void
    private let start = DispatchTime.now().uptimeNanoseconds
    private let state = Mutex(State())

    /// - Parameter tell: called from any thread.
    package init(known: KnownFiles, tell: @escaping @Sendable (Event) -> Void) {
        self.known = known
        self.tell = tell
    }

    /// Starts reading; what is known of all files of a base is known of the base when this returns.
    ///
    /// - Parameter threads: how many files are read at a time.
    package func read(_ bases: [BaseModel], threads: Int) {
        var tasks: [Task] = []
        for base in bases where base.findings.claim() {
            var found: [String: FileFindings] = [:]
            for file in base.files { found[file.path] = known.findings(of: file) }
            let first = found
            state.withLock { $0.findings[ObjectIdentifier(base)] = first }
            tasks += base.files.map { Task(base: base, file: $0, isKnown: found[$0.path] != nil) }
            settleIfWhole(base)
        }
        // The longest first, so that the threads end together; what is known already in the end.
        tasks.sort { first, second in
            first.isKnown == second.isKnown ? first.file.bytes < second.file.bytes : first.isKnown
        }
        let (ordered, unknown) = (tasks, tasks.count { !$0.isKnown })
        state.withLock { $0.tasks += ordered }
        var started = 0
        for _ in 0..<min(max(1, threads), tasks.count) where (try? Thread.start { self.work() }) != nil { started += 1 }
        // Without a thread to spare nobody would ever settle what others wait for.
        if started == 0, unknown > 0 { work() }
    }

    private func work() {
        while let task = state.withLock({ $0.tasks.popLast() }) {
            if task.isKnown {
                task.file.mapping.load()
                continue
            }
            // What changes while it is read, or before, is read again at the next start.
            let wasSettled = task.file.mapping.isSettled()
            let findings = FileFindings.read(task.file, of: task.base)
            if wasSettled, task.file.mapping.isSettled() { known.note(findings, of: task.file) }
            state.withLock { $0.findings[ObjectIdentifier(task.base)]?[task.file.path] = findings }
            settleIfWhole(task.base)
        }
    }

    /// Two threads may find a base whole at the same time; one of them settles it.
    private func settleIfWhole(_ base: BaseModel) {
        let whole = state.withLock { state -> [String: FileFindings]? in
            let key = ObjectIdentifier(base)
            guard let found = state.findings[key], found.count == Set(base.files.map(\.path)).count else { return nil }
            state.findings[key] = nil
            return found
        }
        guard let whole else { return }
        let findings = BaseFindings(base, whole)
        base.findings.settle(findings)
        let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
        do throws(SystemError) {
            try known.save()
        } catch {
            tell(.notKept(error))
        }
        tell(.read(name: base.name, digest: findings.digest, seconds: seconds, flaw: findings.flaw))
    }
}
