import Dispatch
import HTTPTypes
import Testing
import UmbelEngine
import UmbelFormats
import UmbelHTTP
import UmbelImages
import UmbelTesting

@testable import UmbelServer

@Suite("/v1/jobs", .timeLimit(.minutes(1)))
struct JobRoutesTests {
    private static let body = #"{"prompt":"p","model":"tiny","steps":2,"n":2,"seed":3}"#

    @Test("A job can be looked at from the queue to its pictures")
    func life() throws {
        let service = try DrawingService(isStepwise: true)
        let first = try service.start(Self.body)
        service.painter.arrived.wait()
        let second = try service.start(Self.body)
        let waiting = try service.ask(.get, "/v1/jobs/\(second)").json
        #expect(waiting["status"]?.string == "queued" && waiting["queue_position"]?.integer == 1)
        service.painter.gate.signal()
        service.painter.arrived.wait()
        let running = try service.ask(.get, "/v1/jobs/\(first)").json
        #expect(running["status"]?.string == "running")
        #expect(running["step"]?.integer == 1 && running["steps"]?.integer == 2)
        #expect(running["has_preview"]?.bool == true)
        #expect(try service.ask(.get, "/v1/jobs/\(first)/pictures/0").json["code"]?.string == "job_not_completed")
        for _ in 0..<3 { service.painter.gate.signal() }
        try service.end(first)
        try service.end(second)
        let done = try service.ask(.get, "/v1/jobs/\(first)").json
        #expect(done["status"]?.string == "completed" && done["completed"]?.string != nil)
        let pictures = try #require(done["result"]?["pictures"]?.array)
        #expect(pictures.map { $0["seed"]?.integer } == [3, 3])
        for picture in pictures {
            let file = try service.respond(.get, try #require(picture["url"]?.string))
            #expect(file.headers[.contentType] == "image/png")
            #expect(try PictureFile(decoding: DrawingService.bytes(file)).picture.width == StandInPainter.side)
        }
        let list = try service.ask(.get, "/v1/jobs").json
        #expect(list["data"]?.array?.compactMap { $0["id"]?.string } == [first, second])
    }

    @Test("What is not there is told apart")
    func unknown() throws {
        let service = try DrawingService()
        let id = try service.start(Self.body)
        try service.end(id)
        #expect(try service.ask(.get, "/v1/jobs/nothing").json["code"]?.string == "unknown_job")
        for number in ["2", "-1", "x"] {
            #expect(
                try service.ask(.get, "/v1/jobs/\(id)/pictures/\(number)").json["code"]?.string == "unknown_picture")
        }
        #expect(try service.ask(.get, "/v1/jobs/\(id)/sheet").json["code"]?.string == "unknown_picture")
        let format = try service.ask(.get, "/v1/jobs/\(id)/pictures/0?format=gif")
        #expect(format.json["code"]?.string == "invalid_parameter")
    }

    @Test("DELETE cancels what waits at once, and what is drawn after its step")
    func cancel() throws {
        let service = try DrawingService(isStepwise: true)
        let first = try service.start(Self.body)
        service.painter.arrived.wait()
        let second = try service.start(Self.body)
        #expect(try service.ask(.delete, "/v1/jobs/\(second)").json["status"]?.string == "cancelled")
        #expect(try service.ask(.delete, "/v1/jobs/\(first)").json["status"]?.string == "running")
        service.painter.gate.signal()
        #expect(try service.end(first).word == "cancelled")
    }

    @Test("A full queue is 429 with Retry-After, and so are too many that wait")
    func full() throws {
        let service = try DrawingService(isStepwise: true, watchLimit: 1) { $0.waiting = 1 }
        let first = try service.start(Self.body)
        service.painter.arrived.wait()
        let second = try service.start(Self.body)
        let refused = try service.ask(
            .post, "/v1/images/generations", headers: [.prefer: "respond-async"], Self.body)
        #expect(refused.response.status == .tooManyRequests)
        #expect(refused.response.headers[.retryAfter] != nil)
        #expect(refused.json["code"]?.string == "queue_full")
        // It holds the one place as long as there is the response.
        let following = try service.respond(.get, "/v1/jobs/\(second)/events")
        let waiting = try service.ask(.get, "/v1/jobs/\(second)/events")
        #expect(waiting.response.status == .tooManyRequests)
        withExtendedLifetime(following) {}
        for id in [second, first] { _ = try service.ask(.delete, "/v1/jobs/\(id)") }
        service.painter.gate.signal()
        try service.end(first)
    }

    /// Names and data of the events of a body.
    private func events(_ response: Response) throws -> [(name: String, data: JSON)] {
        var text = ""
        try response.body.produce { piece in piece.withBytes { text += String(decoding: $0, as: UTF8.self) } }
        return try text.split(separator: "\n\n").map { event in
            let lines = event.split(separator: "\n")
            let data = try #require(lines.last?.dropFirst("data: ".count))
            return (String(lines[0].dropFirst("event: ".count)), try JSON(parsing: Array(data.utf8)))
        }
    }

    @Test("Events tell of the queue, of steps with previews, and of the end")
    func eventStream() throws {
        let service = try DrawingService(isStepwise: true)
        let id = try service.start(Self.body)
        service.painter.arrived.wait()
        service.painter.gate.signal()
        service.painter.arrived.wait()
        let response = try service.respond(.get, "/v1/jobs/\(id)/events?previews=true")
        #expect(response.headers[.contentType] == "text/event-stream")
        service.painter.gate.signal()
        let events = try events(response)
        #expect(events.last?.name == "completed")
        #expect(events.last?.data["result"]?["pictures"]?.array?.count == 2)
        for event in events.dropLast() where event.data["has_preview"]?.bool == true {
            let preview = try #require(event.data["preview"]?.string.flatMap(Base64.bytes))
            #expect(PictureFormat.of(preview) == .png)
        }
        let again = try self.events(try service.respond(.get, "/v1/jobs/\(id)/events"))
        #expect(again.map(\.name) == ["completed"], "what has ended is told at once")
    }

    @Test("A failed job's event has the problem")
    func failed() throws {
        let service = try DrawingService()
        let id = try service.start(#"{"prompt":"p","sampler":"none"}"#)
        let events = try events(try service.respond(.get, "/v1/jobs/\(id)/events"))
        #expect(events.last?.name == "failed")
        #expect(events.last?.data["error"]?["code"]?.string == "invalid_field")
    }

    @Test("Who follows with cancel=true takes the job along when going away; who does not leaves it")
    func followersGone() throws {
        for (query, word) in [("?cancel=true", "cancelled"), ("", "completed")] {
            let service = try DrawingService(isStepwise: true)
            let id = try service.start(Self.body)
            service.painter.arrived.wait()
            let response = try service.respond(.get, "/v1/jobs/\(id)/events\(query)", isClientGone: { true })
            try response.body.produce { _ in }
            for _ in 0..<2 { service.painter.gate.signal() }
            #expect(try service.end(id).word == word)
        }
    }

    @Test("A service that stops takes no drawing, and cancels what nobody waits for")
    func draining() throws {
        let service = try DrawingService(isStepwise: true)
        let id = try service.start(Self.body)
        service.painter.arrived.wait()
        service.application.setDraining()
        let refused = try service.ask(.post, "/v1/images/generations", Self.body)
        #expect(refused.response.status == .serviceUnavailable)
        service.painter.gate.signal()
        #expect(try service.end(id).word == "cancelled")
    }
}
