internal import Dispatch
internal import UmbelPOSIX

/// Accepts connections on one socket until it is cancelled.
final class Listener: @unchecked Sendable {
    // Sendable: nothing changes after the initialiser, and a source's methods are thread-safe.
    let port: Int
    private let socket: Socket
    private let source: any DispatchSourceRead
    private let queue = DispatchQueue(label: "umbel.http.listener")
    private let onAccept: @Sendable (Socket.Accepted) -> Void

    init(host: String, port: Int, onAccept: @escaping @Sendable (Socket.Accepted) -> Void) throws(SystemError) {
        let socket = try Socket.listening(host: host, port: port)
        self.socket = socket
        self.port = socket.boundPort
        self.onAccept = onAccept
        source = DispatchSource.makeReadSource(fileDescriptor: socket.number, queue: queue)
        // The source keeps the listener until it is cancelled, and the socket open until it has let go of it.
        source.setEventHandler { self.acceptAll() }
        source.setCancelHandler { withExtendedLifetime(socket) {} }
        source.resume()
    }

    /// Stops accepting. What waits in the backlog is refused by the system.
    ///
    /// The socket stops listening at once, whoever still keeps it: as long as it listens, clients connect and hang.
    func cancel() {
        source.cancel()
        socket.disconnect()
    }

    private func acceptAll() {
        do {
            while let accepted = try socket.accept() { onAccept(accepted) }
        } catch {
            // Out of descriptors, most likely. The connection goes on waiting, so without a pause this would spin.
            source.suspend()
            queue.asyncAfter(deadline: .now() + 0.1) { self.source.resume() }
        }
    }
}
