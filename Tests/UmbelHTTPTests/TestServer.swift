internal import Dispatch
internal import HTTPTypes
internal import Synchronization
import UmbelHTTP

/// A server on a free port of the loopback, with the routes that the tests want.
final class TestServer: Sendable {
    let server: HTTPServer
    let port: Int
    /// Opened by the test to let `/gate` answer.
    let gate = DispatchSemaphore(value: 0)
    /// Signalled when `/gate` has been entered.
    let entered = DispatchSemaphore(value: 0)
    /// Signalled when a body could not be produced.
    let bodyFailed = DispatchSemaphore(value: 0)

    init(_ configure: (inout HTTPLimits) -> Void = { _ in }) throws {
        var limits = HTTPLimits()
        limits.workers = 8
        configure(&limits)
        server = HTTPServer(limits: limits, onBodyFailure: { [bodyFailed] _, _ in bodyFailed.signal() }) {
            [gate, entered] request in
            if request.path.first == "gate" {
                entered.signal()
                // Bounded, so that a test that fails does not hang.
                _ = gate.wait(timeout: .now() + TestClient.patience)
            }
            return TestServer.answer(request)
        }
        port = try server.listen(host: "127.0.0.1", port: 0)
    }

    deinit { server.shutdown(graceSeconds: 0) }

    func client() throws -> TestClient { try TestClient(port: port) }

    static func answer(_ request: Request) -> Response {
        switch request.path.first {
        case "echo":
            do throws(BodyError) {
                return Response(.ok, body: .bytes(try request.body.readAll(limit: 1 << 20)))
            } catch {
                return Response(refusing: error)
            }
        case "small":
            do throws(BodyError) {
                return Response(.ok, body: .bytes(try request.body.readAll(limit: 8)))
            } catch {
                return Response(refusing: error)
            }
        case "pattern":
            let source = PatternSource(count: request.path.dropFirst().first.flatMap { Int($0) } ?? 0)
            return serve(source, as: Representation(etag: "p"), for: request)
        case "broken":
            let source = BrokenSource(count: 1 << 20, fails: request.path.last ?? "")
            return Response(.ok, body: .source(source, 0..<source.count))
        case "stream":
            let fails = request.path.last == "fail"
            let producer: @Sendable (ByteSink) throws -> Void = { sink in
                for piece in ["one ", "two ", "three"] {
                    try Array(piece.utf8).withUnsafeBytes { try sink(.memory($0)) }
                }
                if fails { throw BrokenSource.Failure() }
            }
            return Response(.ok, body: .stream(producer))
        case "close":
            var response = Response(.ok, contentType: "text/plain", "bye")
            response.closesConnection = true
            return response
        case "nothing": return Response(.noContent)
        default: return Response(.ok, contentType: "text/plain", "\(request.method) \(request.target)")
        }
    }
}

/// Byte `i` is `i mod 251`, produced in pieces that fit no other number.
struct PatternSource: ByteSource {
    let count: Int

    func write(_ range: Range<Int>, to sink: ByteSink) throws {
        let period = (0..<251).map { UInt8($0) }
        let block = Array([[UInt8]](repeating: period, count: 400).joined())
        var position = range.lowerBound
        while position < range.upperBound {
            let offset = position % 251
            let length = min(block.count - offset, range.upperBound - position)
            try block[offset..<(offset + length)].withUnsafeBytes { try sink(.memory($0)) }
            position += length
        }
    }
}

/// A source that does not keep its promise, in one of three ways.
struct BrokenSource: ByteSource {
    struct Failure: Error {}

    let count: Int
    let fails: String

    func write(_ range: Range<Int>, to sink: ByteSink) throws {
        let produced = fails == "long" ? range.count + 1 : range.count / 2
        try [UInt8](repeating: 7, count: produced).withUnsafeBytes { try sink(.memory($0)) }
        if fails == "throw" { throw Failure() }
    }
}
