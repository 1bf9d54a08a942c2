import Testing
import UmbelClient
import UmbelFormats

@Suite("Server-sent events")
struct EventReaderTests {
    private static let text =
        "event: queued\ndata: {\"queue_position\":1}\n\n: still here\n\nevent: progress\r\ndata: {\"step\":\r\ndata: 3}\r\n\r\n"

    @Test("Events come whole, however the bytes are cut", arguments: [1, 2, 7, 1000])
    func pieces(_ size: Int) throws {
        var reader = EventReader()
        let bytes = Array(Self.text.utf8)
        var events: [EventReader.Event] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            events += try reader.read(Array(bytes[start..<min(start + size, bytes.count)]))
        }
        #expect(events.map(\.name) == ["queued", "progress"], "a comment is none")
        #expect(events.map { $0.data.text } == [#"{"queue_position":1}"#, #"{"step":3}"#])
    }

    @Test("Data that is no JSON is not taken for some")
    func noJSON() {
        var reader = EventReader()
        #expect(throws: ClientError.self) { try reader.read(Array("event: x\ndata: nonsense\n\n".utf8)) }
    }
}
