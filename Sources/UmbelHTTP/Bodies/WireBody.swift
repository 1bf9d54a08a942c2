/// A request's body as it comes over the wire: framing taken off, stalls timed, `100 Continue` sent when it is wanted.
final class WireBody: BodyInput {
    /// Bytes a body may still have for the connection to be worth keeping when nobody reads them.
    static let drainLimit = 65_536

    private enum Rest {
        case length(Int)
        case chunked(ChunkedDecoder)
    }

    /// Nil once the response is written: what follows on the wire is another request.
    private var wire: Wire?
    private let stallTimeout: Double
    private var patience: Patience
    private var rest: Rest
    let declaredLength: Int?
    /// The client waits for an interim response before it sends the body.
    private(set) var awaitsContinue: Bool

    init(_ wire: Wire, head: RequestHead, stallTimeout: Double) {
        self.wire = wire
        self.stallTimeout = stallTimeout
        patience = Patience(seconds: stallTimeout)
        switch head.framing {
        case .none: (declaredLength, rest) = (0, .length(0))
        case .length(let count): (declaredLength, rest) = (count, .length(count))
        case .chunked: (declaredLength, rest) = (nil, .chunked(ChunkedDecoder()))
        }
        // A client that has already begun to send needs no invitation (RFC 9110, 10.1.1).
        awaitsContinue = head.expectsContinue && wire.input.isEmpty
    }

    var isComplete: Bool {
        switch rest {
        case .length(let count): count == 0
        case .chunked(let decoder): decoder.isFinished
        }
    }

    /// Whether what is unread is little enough to be read past after the response. A chunked body may be; it is tried.
    var isWorthDraining: Bool {
        if awaitsContinue && !isComplete { return false }
        if case .length(let count) = rest { return count <= Self.drainLimit }
        return true
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(BodyError) -> Int {
        guard let wire else { throw .disconnected }
        if isComplete { return 0 }
        do throws(WireError) {
            if awaitsContinue {
                awaitsContinue = false
                try sendContinue(wire)
            }
        } catch {
            throw .disconnected
        }
        switch rest {
        case .length(let count): return try readCounted(wire, buffer, count)
        case .chunked: return try readChunked(wire, buffer)
        }
    }

    /// Reads past what the handler left, within `drainLimit` bytes and one stall time.
    ///
    /// - Returns: whether the next request follows directly.
    func drain() -> Bool {
        guard isWorthDraining else { return false }
        var drained = 0
        patience = Patience(seconds: stallTimeout, refills: false)
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 1)
        defer { scratch.deallocate() }
        while !isComplete && drained <= Self.drainLimit {
            // Any failure here means what `false` says: this connection serves no further request.
            guard let count = try? read(into: scratch), count > 0 else { break }
            drained += count
        }
        return isComplete
    }

    /// No more reads.
    func finish() { wire = nil }

    private func readCounted(
        _ wire: Wire, _ buffer: UnsafeMutableRawBufferPointer, _ remaining: Int
    ) throws(BodyError) -> Int {
        let wanted = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(remaining))
        var count = min(wire.input.count, wanted.count)
        if count > 0 {
            wanted.copyBytes(from: wire.input.prefix(count))
            wire.use(count)
        } else {
            do { count = try wire.receive(into: wanted, &patience) } catch { throw BodyError(error) }
            if count == 0 { throw .disconnected }
        }
        rest = .length(remaining - count)
        return count
    }

    private func readChunked(_ wire: Wire, _ buffer: UnsafeMutableRawBufferPointer) throws(BodyError) -> Int {
        guard case .chunked(var decoder) = rest else { return 0 }
        while true {
            let input = wire.input
            let step = input.withUnsafeBytes { bytes in
                Result { () throws(ChunkedDecoder.Failure) in try decoder.decode(bytes, into: buffer) }
            }
            switch step {
            case .failure(let failure): throw .malformed("\(failure)")
            case .success(let (consumed, produced)):
                wire.use(consumed)
                rest = .chunked(decoder)
                if produced > 0 || decoder.isFinished { return produced }
            }
            let arrived: Bool
            do { arrived = try wire.fill(&patience) } catch { throw BodyError(error) }
            guard arrived else { throw .disconnected }
        }
    }

    private func sendContinue(_ wire: Wire) throws(WireError) {
        try Array("HTTP/1.1 100 Continue\r\n\r\n".utf8).withUnsafeBytes { bytes in
            Result { () throws(WireError) in try wire.send(bytes, &patience) }
        }.get()
    }
}

extension BodyError {
    init(_ error: WireError) {
        switch error {
        case .stalled: self = .stalled
        case .disconnected: self = .disconnected
        }
    }
}
