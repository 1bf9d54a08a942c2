internal import Dispatch
internal import Synchronization
internal import UmbelAdapters

/// What reading all bytes of a base tells.
struct BaseFindings: Sendable {
    /// SHA-256 that identifies the base.
    let digest: String
    /// SHA-256 of each file, by its path.
    let files: [String: String]
    /// Why it is no base after all: a value that is not finite.
    let flaw: BaseError?

    /// - Parameter findings: of every file, by its path.
    init(_ base: BaseModel, _ findings: [String: FileFindings]) {
        files = findings.mapValues(\.sha256)
        digest = BaseDigest.digest(of: base, files: files)
        flaw = findings.values.compactMap(\.flaw).min { $0.tensor < $1.tensor }.map {
            .notFinite(tensor: base.weights.label($0.tensor), index: $0.element)
        }
    }
}

/// Findings that are there, or on the way, or still nobody's business. Whoever needs them waits.
final class PendingFindings: Sendable {
    private enum State {
        case unread, reading
        case read(BaseFindings)
    }

    private let state = Mutex(State.unread)
    private let done = DispatchGroup()

    init() { done.enter() }

    /// nil while nobody has read to the end.
    var known: BaseFindings? {
        state.withLock { state in
            guard case .read(let findings) = state else { return nil }
            return findings
        }
    }

    /// Takes the reading upon oneself: `settle` has to follow.
    ///
    /// - Returns: false if somebody else has.
    func claim() -> Bool {
        state.withLock { state in
            guard case .unread = state else { return false }
            state = .reading
            return true
        }
    }

    func settle(_ findings: BaseFindings) {
        state.withLock { $0 = .read(findings) }
        done.leave()
    }

    /// The findings, when they are there; read by the caller if nobody has begun.
    func value(_ read: () -> BaseFindings) -> BaseFindings {
        if let known { return known }
        if claim() {
            let findings = read()
            settle(findings)
            return findings
        }
        done.wait()
        guard let known else { preconditionFailure("settled findings are there") }
        return known
    }
}
