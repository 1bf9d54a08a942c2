internal import UmbelPOSIX

/// Why bytes stopped moving.
enum WireError: Error {
    case stalled, disconnected
}

/// A connection's socket with the bytes that have been received but not yet used.
///
/// Not thread-safe: whoever owns the connection at the moment uses it.
final class Wire {
    static let pieceBytes = 65_536

    let socket: Socket
    private(set) var input: ArraySlice<UInt8> = []

    init(_ socket: Socket) {
        self.socket = socket
    }

    /// Keeps bytes that arrived behind a request's head.
    func keep(_ bytes: some Sequence<UInt8>) { input.append(contentsOf: bytes) }

    func use(_ count: Int) {
        input = count == input.count ? [] : input.dropFirst(count)
    }

    /// Receives without blocking, behind what is kept.
    func receiveAvailable() throws(WireError) -> Socket.Received {
        var received: Result<Socket.Received, WireError> = .success(.nothing)
        let piece = [UInt8](unsafeUninitializedCapacity: Self.pieceBytes) { buffer, count in
            received = Self.receive(socket, into: UnsafeMutableRawBufferPointer(buffer))
            if case .success(.bytes(let arrived)) = received { count = arrived }
        }
        if case .success(.bytes) = received { input = input.isEmpty ? piece[...] : input + piece }
        return try received.get()
    }

    /// Waits until something has arrived and keeps it.
    ///
    /// - Returns: false at the end of what the peer sends.
    func fill(_ patience: inout Patience) throws(WireError) -> Bool {
        while true {
            switch try receiveAvailable() {
            case .bytes(let count):
                patience.moved(count)
                return true
            case .end: return false
            case .nothing: try wait(for: .reading, &patience)
            }
        }
    }

    /// Waits until something has arrived and copies it, past the kept bytes, which must be used up.
    ///
    /// - Returns: 0 at the end of what the peer sends.
    func receive(into buffer: UnsafeMutableRawBufferPointer, _ patience: inout Patience) throws(WireError) -> Int {
        while true {
            switch try Self.receive(socket, into: buffer).get() {
            case .bytes(let count):
                patience.moved(count)
                return count
            case .end: return 0
            case .nothing: try wait(for: .reading, &patience)
            }
        }
    }

    /// Sends everything, waiting for the peer to take it.
    func send(
        _ bytes: UnsafeRawBufferPointer, moreFollows: Bool = false, _ patience: inout Patience
    ) throws(WireError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count: Int
            // Whatever a send fails with, the peer is out of reach.
            do { count = try socket.send(rest, moreFollows: moreFollows) } catch { throw .disconnected }
            patience.moved(count)
            done += count
            if count == 0 { try wait(for: .writing, &patience) }
        }
    }

    /// Has the kernel send a part of a file, waiting for the peer to take it.
    ///
    /// - Returns: how many bytes went: fewer than asked for only if the file has become shorter, or cannot be sent so.
    func send(
        _ file: FileDescriptor, _ range: Range<Int>, _ patience: inout Patience
    ) throws(WireError) -> (sent: Int, isUnsupported: Bool) {
        var done = 0
        while done < range.count {
            let outcome: Socket.FileSent
            // Whatever a send fails with, the peer is out of reach.
            do {
                outcome = try socket.send(file, from: range.lowerBound + done, count: range.count - done)
            } catch { throw .disconnected }
            switch outcome {
            case .bytes(let count):
                patience.moved(count)
                done += count
            case .nothing: try wait(for: .writing, &patience)
            case .end: return (done, false)
            case .unsupported: return (done, true)
            }
        }
        return (done, false)
    }

    private func wait(for readiness: Socket.Readiness, _ patience: inout Patience) throws(WireError) {
        let clock = ContinuousClock()
        let start = clock.now
        let ready = socket.wait(for: readiness, seconds: patience.left)
        patience.waited((clock.now - start).inSeconds)
        guard ready, patience.left > 0 else { throw .stalled }
    }

    private static func receive(
        _ socket: Socket, into buffer: UnsafeMutableRawBufferPointer
    ) -> Result<Socket.Received, WireError> {
        // Whatever a receive fails with, the peer is out of reach.
        do { return .success(try socket.receive(into: buffer)) } catch { return .failure(.disconnected) }
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
