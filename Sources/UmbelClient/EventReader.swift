package import UmbelFormats

/// Reads server-sent events (HTML, 9.2) whose data is JSON, as they come in pieces.
package struct EventReader {
    package struct Event: Hashable, Sendable {
        package let name: String
        package let data: JSON
    }

    /// Bytes of a line at most; a preview is the longest thing that is sent.
    private static let lineLimit = 1 << 24

    private var line: [UInt8] = []
    private var name = ""
    private var data = ""

    package init() {}

    /// The events that are whole now.
    ///
    /// - Throws: `unexpectedAnswer` for data that is no JSON, and `answerTooLarge`.
    package mutating func read(_ bytes: [UInt8]) throws(ClientError) -> [Event] {
        var events: [Event] = []
        for byte in bytes {
            guard byte == UInt8(ascii: "\n") else {
                guard line.count < Self.lineLimit else { throw .answerTooLarge(limit: Self.lineLimit) }
                line.append(byte)
                continue
            }
            if let event = try take(String(decoding: line, as: UTF8.self)) { events.append(event) }
            line.removeAll(keepingCapacity: true)
        }
        return events
    }

    private mutating func take(_ line: String) throws(ClientError) -> Event? {
        let line = line.hasSuffix("\r") ? String(line.dropLast()) : line
        guard line.isEmpty else {
            if line.hasPrefix("event: ") { name = String(line.dropFirst("event: ".count)) }
            if line.hasPrefix("data: ") { data += line.dropFirst("data: ".count) }
            return nil
        }
        guard !data.isEmpty else { return nil }
        defer { (name, data) = ("", "") }
        do {
            return Event(name: name, data: try JSON(parsing: Array(data.utf8)))
        } catch {
            throw .unexpectedAnswer(status: 200, beginning: Beginning.of(Array(data.utf8)))
        }
    }
}
