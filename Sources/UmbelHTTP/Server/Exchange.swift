internal import UmbelPOSIX

/// One request and its response, on a worker thread.
struct Exchange {
    /// What becomes of the connection.
    enum Ending: Equatable {
        case keepAlive
        /// The response is out; wait for the client to close, reading past what it still sends.
        case linger
        /// The response is incomplete and must not look complete.
        case abort
    }

    let server: HTTPServer
    let wire: Wire
    let remoteAddress: String

    func run(_ head: RequestHead, arrival: ContinuousClock.Instant) -> Ending {
        let input = WireBody(wire, head: head, stallTimeout: server.limits.bodyStallTimeout)
        defer { input.finish() }
        let body = RequestBody(input, limit: server.limits.bodyBytes)
        let request = Request(
            head: head, body: body, remoteAddress: remoteAddress, arrival: arrival,
            isClientGone: { [socket = wire.socket] in socket.isClosedByPeer })
        let response = server.handler(request)
        if body.failure == .disconnected {
            response.onEnd?(.clientGone)
            return .abort
        }

        // Decided before anything is sent, since the head says it.
        let keepsAlive =
            head.keepsAlive && !response.closesConnection && !server.isStopping && body.failure == nil
            && input.isWorthDraining
        let responseHead = ResponseHead(response, for: head, keepsAlive: keepsAlive)
        let sender = ResponseSender(wire, responseHead, stallTimeout: server.limits.writeStallTimeout)
        do {
            try sender.send(response.body)
        } catch {
            if sender.wireFailure == nil { server.onBodyFailure(request, error) }
            response.onEnd?(sender.wireFailure == nil ? .failed : .clientGone)
            return .abort
        }
        response.onEnd?(.complete)
        guard keepsAlive, !responseHead.endsConnection else { return .linger }
        return input.drain() ? .keepAlive : .linger
    }
}
