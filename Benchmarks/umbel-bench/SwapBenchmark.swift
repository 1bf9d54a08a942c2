import ArgumentParser
import Dispatch
import Glibc
import Synchronization
import UmbelPOSIX

/// `umbel-bench swap`: what re-pointing a route costs those who use it. Speaks to a service that has a route and models to
/// point it to; `Benchmarks/route-swap` starts one.
///
/// Connections download merged tensors through the route at a fixed pace, and one connection times small requests. Phases
/// with and without re-points alternate, so that whatever else the machine does falls on both.
struct SwapBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swap", abstract: "Latency of small requests through a route, with and without re-points.")

    @Option(help: "Port of the service on 127.0.0.1.") var port: Int
    @Option(help: "The route.") var route: String
    @Option(help: "A model that the route is pointed to. Repeatable, two at least.") var model: [String]
    @Option(help: "Path of the file in the model.") var file: String
    @Option(help: "Bytes of each download, from the middle of the file.") var bytes = 65_536
    @Option(help: "Connections in all.") var connections = 64
    @Option(help: "Requests a second on each downloading connection.") var pace = 20.0
    @Option(help: "Seconds of a phase.") var seconds = 5.0
    @Option(help: "Pairs of phases.") var rounds = 4
    @Option(help: "Re-points in all.") var swaps = 1000

    func run() throws {
        let models = model
        guard models.count > 1 else { throw ValidationError("two models at least") }
        let plain = Phase(), swapped = Phase()
        let pointer = try HTTPConnection(port: port)
        var number = 0
        try point(pointer, to: models[0])
        for _ in 0..<rounds {
            try measure(plain) { until in sleepUntil(until) }
            try measure(swapped) { until in
                let pause = seconds / (Double(swaps) / Double(rounds))
                var next = now()
                while now() < until {
                    number += 1
                    try point(pointer, to: models[number % models.count])
                    next += pause
                    sleepUntil(min(next, until))
                }
            }
        }
        report(plain, swapped, number)
    }

    private func point(_ connection: HTTPConnection, to model: String) throws {
        let body = #"{"arms": [{"name": "a", "model": "\#(model)"}]}"#
        let status = try connection.exchange(
            "PUT /v1/routes/\(route) HTTP/1.1\r\nHost: bench\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        guard status == 200 || status == 201 else { throw BenchmarkFailure("PUT answered \(status)") }
    }

    /// One phase: the load, the small requests, and what `during` does until its end.
    private func measure(_ phase: Phase, _ during: (_ until: Double) throws -> Void) throws {
        let until = now() + seconds
        let group = DispatchGroup()
        let path = "/v1/models/\(route)/files/\(file)"
        let first = 1 << 20
        let download =
            "GET \(path) HTTP/1.1\r\nHost: bench\r\nRange: bytes=\(first)-\(first + bytes - 1)\r\n\r\n"
        let small = "GET \(path) HTTP/1.1\r\nHost: bench\r\nRange: bytes=0-99\r\n\r\n"
        for index in 0..<connections {
            group.enter()
            let (port, pause) = (port, index == 0 ? 0.002 : 1 / pace)
            let request = index == 0 ? small : download
            try UmbelPOSIX.Thread.start {
                defer { group.leave() }
                do {
                    let connection = try HTTPConnection(port: port)
                    // Spread over the pause, so that they do not all ask at once.
                    sleepUntil(now() + pause * Double(index) / 64)
                    while now() < until {
                        let start = now()
                        let status = try connection.exchange(request)
                        let end = now()
                        phase.note(failed: status != 206, seconds: index == 0 ? end - start : nil)
                        sleepUntil(min(start + pause, until))
                    }
                } catch {
                    phase.note(failed: true, seconds: nil)
                }
            }
        }
        try during(until)
        group.wait()
    }

    private func report(_ plain: Phase, _ swapped: Phase, _ swaps: Int) {
        print(Machine().text)
        print("\(connections) connections, downloads of \(bytes) bytes at \(pace) a second each, \(swaps) re-points")
        for (name, phase) in [("without", plain), ("with", swapped)] {
            let times = phase.times.sorted()
            func quantile(_ q: Double) -> Double { times.isEmpty ? 0 : times[Int(q * Double(times.count - 1))] * 1000 }
            print(
                "\(name.padded(8)) \(phase.requests) requests, \(phase.failures) failed; small: p50 "
                    + "\(quantile(0.5).text(3)) ms, p99 \(quantile(0.99).text(3)) ms, p99.9 \(quantile(0.999).text(3)) ms"
            )
        }
        func p99(_ phase: Phase) -> Double { phase.times.sorted()[Int(0.99 * Double(max(1, phase.times.count) - 1))] }
        guard !plain.times.isEmpty, !swapped.times.isEmpty else { return }
        print("p99 with re-points / without: \((p99(swapped) / p99(plain)).text(2))")
    }
}

/// What was seen in the phases of one kind.
private final class Phase: Sendable {
    private let state = Mutex((requests: 0, failures: 0, times: [Double]()))

    var requests: Int { state.withLock { $0.requests } }
    var failures: Int { state.withLock { $0.failures } }
    var times: [Double] { state.withLock { $0.times } }

    func note(failed: Bool, seconds: Double?) {
        state.withLock { state in
            state.requests += 1
            if failed { state.failures += 1 }
            if let seconds { state.times.append(seconds) }
        }
    }
}

struct BenchmarkFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A connection that is kept, with bodies thrown away.
private final class HTTPConnection {
    private let socket: Socket
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)

    init(port: Int) throws {
        socket = try Socket.connected(host: "127.0.0.1", port: port, seconds: 5)
    }

    deinit { buffer.deallocate() }

    /// Sends a request and reads its answer.
    ///
    /// - Returns: the status.
    func exchange(_ request: String) throws -> Int {
        var bytes = Array(request.utf8)
        while !bytes.isEmpty {
            let sent = try bytes.withUnsafeBytes { try socket.send($0) }
            bytes.removeFirst(sent)
            if sent == 0, !socket.wait(for: .writing, seconds: 10) { throw BenchmarkFailure("cannot send") }
        }
        var head: [UInt8] = []
        while true {
            let count = try receive()
            head += buffer[..<count]
            if let end = Self.end(of: head) { return try finish(head, end) }
        }
    }

    private func finish(_ received: [UInt8], _ end: Int) throws -> Int {
        let lines = String(decoding: received[..<end], as: UTF8.self).split(separator: "\r\n")
        let status = lines.first.flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) } ?? 0
        let field = lines.first { $0.lowercased().hasPrefix("content-length:") }
        var rest = (field.flatMap { Int($0.dropFirst(15).drop { $0 == " " }) } ?? 0) - (received.count - end)
        while rest > 0 { rest -= try receive() }
        return status
    }

    private static func end(of head: [UInt8]) -> Int? {
        let mark = Array("\r\n\r\n".utf8)
        guard head.count >= 4 else { return nil }
        return (0...head.count - 4).first { Array(head[$0..<$0 + 4]) == mark }.map { $0 + 4 }
    }

    private func receive() throws -> Int {
        while true {
            switch try socket.receive(into: buffer) {
            case .bytes(let count): return count
            case .end: throw BenchmarkFailure("the service closed the connection")
            case .nothing:
                guard socket.wait(for: .reading, seconds: 30) else { throw BenchmarkFailure("no answer") }
            }
        }
    }
}

/// Seconds on a clock that only goes forward.
private func now() -> Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }

private func sleepUntil(_ time: Double) {
    let rest = time - now()
    if rest > 0 { usleep(useconds_t(rest * 1e6)) }
}
