/// The bound of everything that a client could make grow or last. Times are in seconds, sizes in bytes.
package struct HTTPLimits: Sendable {
    /// Method, target and version, without the line end. Beyond it: 414.
    package var requestLineBytes = 16_384
    /// All header lines together, line ends included. Beyond it: 431.
    package var headerBytes = 32_768
    /// Header lines. Beyond it: 431.
    package var headerCount = 100
    /// Open connections. The next one is answered 503 and closed.
    package var connections = 1_024
    /// Threads that run handlers; started when first needed.
    package var workers = 64
    /// Requests that wait for a worker. The next one is answered 503.
    package var waitingRequests = 256
    /// The body limit that holds until a handler sets its own.
    package var bodyBytes = 16 << 20

    /// From the first byte of a head (or from the accept) to its last: 408 when it passes.
    package var headTimeout: Double = 15
    /// Between the end of a response and the first byte of the next request.
    package var idleTimeout: Double = 75
    /// How long a body may bring less than `Patience.refillBytes` while it is waited for.
    package var bodyStallTimeout: Double = 30
    /// How long a client may take less than `Patience.refillBytes` of a response while it is waited for.
    package var writeStallTimeout: Double = 30
    /// How long a connection that is closing may go on sending what nobody reads. Closing at once would send a reset,
    /// and a reset can overtake the response.
    package var lingerTimeout: Double = 5

    package init() {}
}
