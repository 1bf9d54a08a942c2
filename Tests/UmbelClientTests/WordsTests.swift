import HTTPTypes
import Testing
import UmbelClient
import UmbelFormats
import UmbelHTTP
import UmbelPOSIX

@testable import umbel

/// What the commands say, and how they end.
@Suite struct WordsTests {
    private static let server = "http://server"

    @Test(arguments: [
        (400, umbel.ExitStatus.badInput), (404, .badInput), (409, .badInput), (412, .badInput), (413, .badInput),
        (415, .badInput), (422, .badInput), (401, .failed), (403, .failed), (408, .failed), (429, .failed),
        (301, .failed), (500, .failed), (503, .failed), (507, .failed),
    ])
    func `what the server refuses is bad input, what it cannot do has failed`(status: Int, expected: umbel.ExitStatus)
        throws
    {
        #expect(try error(Response(.init(code: status))).exitStatus == expected)
    }

    @Test func `a server that cannot be spoken to has failed, an address that is none is wrong usage`() {
        let failures: [ClientError] = [
            .unreachable(message: "m"), .connectTimeout(seconds: 1), .stalled(seconds: 1), .insecure(message: "m"),
            .brokenOff(code: 1, message: "m"), .library(code: 1, message: "m"), .answerTooLarge(limit: 1),
            .unexpectedAnswer(status: 200, beginning: "m"), .endlessList(cursor: "c"),
        ]
        for failure in failures {
            #expect(failure.exitStatus == .failed)
            #expect(!failure.sentence(server: Self.server).isEmpty)
        }
        #expect(ClientError.address("x", .noScheme).exitStatus == .usage)
        #expect(ClientError.header(name: "Authorization").exitStatus == .usage)
        #expect(ClientError.header(name: "Authorization").sentence(server: "").contains("UMBEL_TOKEN"))
        #expect(ClientError.fileChanged(path: "x").exitStatus == .badInput)
    }

    @Test func `a problem is shown in the server's words, with a line for each error`() throws {
        let errors: JSON = [
            ["base": "main", "code": "unmatched", "key": "a.lora_up", "nearest": "b.weight"],
            ["base": "main", "code": "key_unknown", "key": "c", "nearest": .null],
            ["code": "shape", "message": "“d” has another shape"],
            ["code": "module_ambiguous", "modules": ["e", "f"], "may_mean": ["g", "h"]],
            ["unheard": "of"], "text",
        ]
        let error = try error(FakeServer.problem(422, "partial_match", "A part finds no place", errors: errors))
        #expect(error.sentence(server: Self.server) == "A part finds no place")
        #expect(
            error.details == [
                "unmatched: a.lora_up (base main, nearest b.weight)", "key_unknown: c (base main)",
                "shape: “d” has another shape", "module_ambiguous: e, f (may_mean g, h)", "unheard of", "text",
            ])
        #expect(error.json(server: Self.server)["code"] == "partial_match")
        #expect(error.json(server: Self.server)["errors"] == errors)
    }

    @Test func `other refusals are shown with their status and what there is`() throws {
        func sentence(_ status: Int, _ headers: HTTPFields = [:], _ body: String = "") throws -> String {
            try error(Response(.init(code: status), headers: headers, body: .bytes(Array(body.utf8))))
                .sentence(server: Self.server)
        }
        #expect(try sentence(502) == "http://server answers 502")
        #expect(
            try sentence(502, [:], "<h1>Bad\n  Gateway</h1>\u{1b}[2J")
                == "http://server answers 502: <h1>Bad Gateway</h1> [2J")
        #expect(try sentence(401).contains("UMBEL_TOKEN"))
        #expect(try sentence(302, [.location: "https://b"]).contains("https://b"))
        #expect(try sentence(507, [.retryAfter: "40"]).contains("40 s"))
    }

    @Test func `nothing that a server says can move the cursor of a terminal`() {
        #expect("a\u{1b}[31m\u{7}\n\r\u{9b}b".printable == "a [31m    b")
        #expect("Schön “…”".printable == "Schön “…”")
    }

    @Test(arguments: [
        ("2026-11-21T03:05:00Z", "0 s"), ("2026-11-21T03:04:01Z", "59 s"), ("2026-11-21T03:04:00Z", "1 min"),
        ("2026-11-21T02:05:01Z", "59 min"), ("2026-11-20T03:05:01Z", "23 h"), ("2026-11-20T03:05:00Z", "1 d"),
        ("2025-11-21T03:05:00Z", "365 d"), ("2026-11-21T03:06:00Z", "0 s"), ("", "–"), ("yesterday", "–"),
        ("2026-11-21", "–"),
    ])
    func `an age is told in its largest unit`(moment: String, expected: String) {
        // 2026-11-21T03:05:00Z
        #expect(Age.text(since: moment, now: 1_795_230_300) == expected)
    }

    @Test func `the list is a table`() throws {
        let server = try FakeServer()
        server.add("ink", "a-longer-name")
        let adapters = try server.client().adapters()
        #expect(
            List.table(adapters, now: 1_795_230_300 + 7200) == """
                NAME           DIGEST  GENERATION  SIZE  ALGORITHMS       TAGS  LABELS  AGE
                ink            00      1           12 B  lokr 12, lora 3  prod  team:x  2 h
                a-longer-name  00      1           12 B  lokr 12, lora 3  prod  team:x  2 h
                """)
        #expect(List.table([], now: 0) == "NAME  DIGEST  GENERATION  SIZE  ALGORITHMS  TAGS  LABELS  AGE")
    }

    @Test(arguments: [
        ("sha256:00ff", "sha256:00ff"), ("\"sha256:00FF\"", "sha256:00ff"), ("ab", "sha256:ab"), ("", nil),
        ("sha256:", nil), ("xyz", nil), (String(repeating: "a", count: 65), nil),
    ])
    func `digests are taken as people write them`(text: String, expected: String?) {
        #expect(DigestArgument(argument: text)?.text == expected)
    }

    @Test(arguments: [
        ("3", Server.Earlier.generation(3)), ("sha256:33", .digest("sha256:33")), ("3f", .digest("sha256:3f")),
    ])
    func `digits alone are a generation, anything else a digest`(text: String, expected: Server.Earlier) {
        #expect(Rollback.Earlier(argument: text)?.value == expected)
    }

    @Test(arguments: ["", "x", "99999999999999999999999", "sha256:"])
    func `what is neither generation nor digest is refused`(text: String) {
        #expect(Rollback.Earlier(argument: text) == nil)
    }

    @Test func `labels are cut at the first colon`() {
        #expect(Label("team:x").map { [$0.key, $0.value] } == ["team", "x"])
        #expect(Label("a:b:c").map { [$0.key, $0.value] } == ["a", "b:c"])
        #expect(Label("a:").map { [$0.key, $0.value] } == ["a", ""])
        #expect(Label("a") == nil && Label(":b") == nil && Label("") == nil)
    }

    /// The error that a client makes of an answer.
    private func error(_ response: Response) throws -> ClientError {
        let server = try FakeServer { _ in response }
        let error = #expect(throws: ClientError.self) { try server.client().remove("x", isForced: false) }
        return try #require(error)
    }
}
