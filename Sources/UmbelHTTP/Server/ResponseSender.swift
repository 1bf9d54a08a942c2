internal import UmbelPOSIX

/// A body that is not as long as was announced. The source is wrong, and the client is told by a reset.
package struct WrongBodyLength: Error, Equatable, Sendable {
    package let announced: Int
    package let produced: Int
}

/// Sends one response: small pieces are gathered, large ones go out from where they are, those in a file by the kernel alone;
/// a body is as long as announced.
final class ResponseSender {
    /// Pieces are gathered up to this many bytes, which is about what one send hands to the kernel.
    private static let gatheredBytes = 65_536

    private let wire: Wire
    private let framing: ResponseHead.Framing
    private var patience: Patience
    private var gathered: [UInt8]
    private var produced = 0
    /// The body is more than would be gathered, so a part of it can be out while the rest is still being made.
    private var isLong = false
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
        switch (body, framing) {
        // The head goes first: what follows may be long in coming.
        case (.stream, _): try flush(moreFollows: false)
        case (.source, .counted(let announced)), (.multipart, .counted(let announced)):
            isLong = announced > Self.gatheredBytes
            if isLong { try flush(moreFollows: false) }
        default: break
        }
        try body.produce(to: take)
    }

    private func take(_ piece: BytePiece) throws {
        guard piece.count > 0 else { return }
        let isFirst = produced == 0
        produced += piece.count
        switch framing {
        case .none: return
        case .counted(let announced):
            // Not a byte more than announced: it would be read as the beginning of the next response.
            guard produced <= announced else { throw WrongBodyLength(announced: announced, produced: produced) }
            try gather(piece)
            // So does the first piece, which tells a client what is coming.
            if isFirst && isLong { try flush(moreFollows: false) }
        case .chunked:
            gathered += Array("\(String(piece.count, radix: 16))\r\n".utf8)
            try gather(piece)
            gathered += [ASCII.carriageReturn, ASCII.lineFeed]
            try flush(moreFollows: false)
        case .untilClose:
            try gather(piece)
            try flush(moreFollows: false)
        }
    }

    private func gather(_ piece: BytePiece) throws {
        if gathered.count + piece.count <= Self.gatheredBytes {
            try copy(piece)
        } else {
            try flush(moreFollows: true)
            try send(piece)
        }
    }

    /// Copies a small piece behind what is gathered. Of a file by reading it: a mapping of one that was cut off meanwhile
    /// would end the process.
    private func copy(_ piece: BytePiece) throws {
        guard case .file(let file, let range) = piece, let descriptor = file.descriptor else {
            return piece.withBytes { gathered += $0 }
        }
        var done = 0
        gathered += try [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            while done < range.count {
                let rest = UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(buffer)[done..<range.count])
                let read = try descriptor.read(into: rest, at: range.lowerBound + done, file.path)
                guard read > 0 else { break }
                done += read
            }
            count = done
        }
        guard done == range.count else { throw WrongBodyLength(announced: range.count, produced: done) }
    }

    private func flush(moreFollows: Bool) throws {
        guard !gathered.isEmpty else { return }
        try gathered.withUnsafeBytes { try send($0, moreFollows: moreFollows) }
        gathered.removeAll(keepingCapacity: true)
    }

    private func send(_ piece: BytePiece) throws {
        guard case .file(let file, let range) = piece, let descriptor = file.descriptor else {
            return try piece.withBytes { try send($0, moreFollows: false) }
        }
        var outcome = (sent: 0, isUnsupported: false)
        try onWire { () throws(WireError) in outcome = try wire.send(descriptor, range, &patience) }
        guard outcome.sent < range.count else { return }
        guard outcome.isUnsupported else {
            throw WrongBodyLength(announced: range.count, produced: outcome.sent)
        }
        let rest = BytePiece.file(file, range.lowerBound + outcome.sent..<range.upperBound)
        try rest.withBytes { try send($0, moreFollows: false) }
    }

    private func send(_ bytes: UnsafeRawBufferPointer, moreFollows: Bool) throws {
        try onWire { () throws(WireError) in try wire.send(bytes, moreFollows: moreFollows, &patience) }
    }

    private func onWire(_ body: () throws(WireError) -> Void) throws {
        if let wireFailure { throw wireFailure }
        do throws(WireError) {
            try body()
        } catch {
            wireFailure = error
            throw error
        }
    }
}
