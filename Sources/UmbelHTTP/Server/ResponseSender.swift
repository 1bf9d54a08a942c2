/// A body that is not as long as was announced. The source is wrong, and the client is told by a reset.
package struct WrongBodyLength: Error, Equatable, Sendable {
    package let announced: Int
    package let produced: Int
}

/// Sends one response: small pieces are gathered, large ones go out as they are, a body is as long as announced.
final class ResponseSender {
    /// Pieces are gathered up to this many bytes, which is about what one send hands to the kernel.
    private static let gatheredBytes = 65_536

    private let wire: Wire
    private let framing: ResponseHead.Framing
    private var patience: Patience
    private var gathered: [UInt8]
    private var produced = 0
    /// What the wire failed with. Kept, because what the sink throws passes through the source, which may change it.
    private(set) var wireFailure: WireError?

    init(_ wire: Wire, _ head: ResponseHead, stallTimeout: Double) {
        self.wire = wire
        framing = head.framing
        gathered = head.bytes
        patience = Patience(seconds: stallTimeout)
    }

    /// - Throws: what the source threw, `WrongBodyLength`, or a `WireError`, and then `wireFailure` is set too.
    func send(_ body: ResponseBody) throws {
        if framing != .none { try produce(body) }
        if case .counted(let announced) = framing, produced != announced {
            throw WrongBodyLength(announced: announced, produced: produced)
        }
        if framing == .chunked { gathered += Array("0\r\n\r\n".utf8) }
        try flush(moreFollows: false)
    }

    private func produce(_ body: ResponseBody) throws {
        // The head goes first: a stream's first piece may be long in coming.
        if case .stream = body { try flush(moreFollows: false) }
        try body.produce(to: take)
    }

    private func take(_ bytes: UnsafeRawBufferPointer) throws {
        guard !bytes.isEmpty else { return }
        produced += bytes.count
        switch framing {
        case .none: return
        case .counted(let announced):
            // Not a byte more than announced: it would be read as the beginning of the next response.
            guard produced <= announced else { throw WrongBodyLength(announced: announced, produced: produced) }
            try gather(bytes)
        case .chunked:
            gathered += Array("\(String(bytes.count, radix: 16))\r\n".utf8)
            try gather(bytes)
            gathered += [ASCII.carriageReturn, ASCII.lineFeed]
            try flush(moreFollows: false)
        case .untilClose:
            try gather(bytes)
            try flush(moreFollows: false)
        }
    }

    private func gather(_ bytes: UnsafeRawBufferPointer) throws {
        if gathered.count + bytes.count <= Self.gatheredBytes {
            gathered += bytes
        } else {
            try flush(moreFollows: true)
            try send(bytes, moreFollows: false)
        }
    }

    private func flush(moreFollows: Bool) throws {
        try gathered.withUnsafeBytes { try send($0, moreFollows: moreFollows) }
        gathered.removeAll(keepingCapacity: true)
    }

    private func send(_ bytes: UnsafeRawBufferPointer, moreFollows: Bool) throws {
        if let wireFailure { throw wireFailure }
        do throws(WireError) {
            try wire.send(bytes, moreFollows: moreFollows, &patience)
        } catch {
            wireFailure = error
            throw error
        }
    }
}
